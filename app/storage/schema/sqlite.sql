-- Written by `make schema` from app/models/schema.py; what an empty database gets. Not to be changed by hand.
CREATE TABLE attempt (
  "key" BLOB NOT NULL,
  count INTEGER NOT NULL,
  window_started_at BIGINT NOT NULL,
  CONSTRAINT pk_attempt PRIMARY KEY ("key")
);
CREATE TABLE audit_event (
  id VARCHAR(22) NOT NULL,
  at BIGINT NOT NULL,
  actor VARCHAR(200) NOT NULL,
  action VARCHAR(64) NOT NULL,
  subject VARCHAR(300) NOT NULL,
  "before" JSON,
  "after" JSON,
  CONSTRAINT pk_audit_event PRIMARY KEY (id)
);
CREATE INDEX ix_audit_event_at ON audit_event (at);
CREATE TABLE authorization_code (
  code_hash BLOB NOT NULL,
  grant_id VARCHAR(22) NOT NULL,
  redirect_uri TEXT,
  redirect_uri_sent BOOLEAN NOT NULL,
  code_challenge VARCHAR(128),
  code_challenge_method VARCHAR(16),
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  nonce TEXT,
  CONSTRAINT pk_authorization_code PRIMARY KEY (code_hash)
);
CREATE INDEX ix_authorization_code_grant_id ON authorization_code (grant_id);
CREATE TABLE client (
  client_id VARCHAR(200) NOT NULL,
  client_name VARCHAR(200),
  dialect VARCHAR(64) NOT NULL,
  token_endpoint_auth_method VARCHAR(64),
  grant_types JSON,
  response_types JSON,
  redirect_uris JSON NOT NULL,
  post_logout_redirect_uris JSON NOT NULL,
  allowed_origins JSON NOT NULL,
  scope TEXT NOT NULL,
  options JSON NOT NULL,
  extra JSON NOT NULL,
  version INTEGER NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  disabled_at BIGINT,
  CONSTRAINT pk_client PRIMARY KEY (client_id)
);
CREATE INDEX ix_client_dialect ON client (dialect);
CREATE TABLE grant (
  id VARCHAR(22) NOT NULL,
  dialect VARCHAR(64) NOT NULL,
  grant_type VARCHAR(64) NOT NULL,
  client_id VARCHAR(200) NOT NULL,
  user_id VARCHAR(22),
  shop_id VARCHAR(22),
  scope TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  revoked_at BIGINT,
  auth_time BIGINT,
  acr VARCHAR(200),
  amr VARCHAR(200),
  sid VARCHAR(22),
  claims TEXT,
  resource TEXT,
  CONSTRAINT pk_grant PRIMARY KEY (id)
);
CREATE INDEX ix_grant_expires_at ON grant (expires_at);
CREATE INDEX ix_grant_user_id ON grant (user_id);
CREATE TABLE logout_notice (
  id VARCHAR(22) NOT NULL,
  client_id VARCHAR(200) NOT NULL,
  user_id VARCHAR(22) NOT NULL,
  name VARCHAR(22) NOT NULL,
  created_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  tries INTEGER NOT NULL,
  CONSTRAINT pk_logout_notice PRIMARY KEY (id)
);
CREATE INDEX ix_logout_notice_client_id_due_at ON logout_notice (client_id, due_at);
CREATE INDEX ix_logout_notice_due_at ON logout_notice (due_at);
CREATE TABLE property (
  name VARCHAR(64) NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT pk_property PRIMARY KEY (name)
);
CREATE TABLE scope (
  name VARCHAR(200) NOT NULL,
  title JSON NOT NULL,
  CONSTRAINT pk_scope PRIMARY KEY (name)
);
CREATE TABLE session_client (
  name VARCHAR(22) NOT NULL,
  sid VARCHAR(22) NOT NULL,
  client_id VARCHAR(200) NOT NULL,
  user_id VARCHAR(22) NOT NULL,
  expires_at BIGINT NOT NULL,
  CONSTRAINT pk_session_client PRIMARY KEY (name)
);
CREATE INDEX ix_session_client_expires_at ON session_client (expires_at);
CREATE INDEX ix_session_client_sid ON session_client (sid);
CREATE TABLE shop (
  id VARCHAR(22) NOT NULL,
  dialect VARCHAR(64) NOT NULL,
  code VARCHAR(200) NOT NULL,
  name VARCHAR(200),
  created_at BIGINT NOT NULL,
  disabled_at BIGINT,
  CONSTRAINT pk_shop PRIMARY KEY (id),
  CONSTRAINT uq_shop_dialect_code UNIQUE (dialect, code)
);
CREATE TABLE signing_key (
  kid VARCHAR(43) NOT NULL,
  algorithm VARCHAR(16) NOT NULL,
  private_sealed BLOB NOT NULL,
  public_jwk JSON NOT NULL,
  created_at BIGINT NOT NULL,
  active_from BIGINT NOT NULL,
  retired_at BIGINT,
  CONSTRAINT pk_signing_key PRIMARY KEY (kid)
);
CREATE TABLE token (
  token_hash BLOB NOT NULL,
  kind VARCHAR(8) NOT NULL,
  grant_id VARCHAR(22) NOT NULL,
  scope TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT,
  used_at BIGINT,
  revoked_at BIGINT,
  last_used_at BIGINT,
  successor_hash BLOB,
  successor_sealed BLOB,
  resource TEXT,
  CONSTRAINT pk_token PRIMARY KEY (token_hash)
);
CREATE INDEX ix_token_grant_id ON token (grant_id);
CREATE TABLE used_assertion (
  "key" BLOB NOT NULL,
  expires_at BIGINT NOT NULL,
  CONSTRAINT pk_used_assertion PRIMARY KEY ("key")
);
CREATE INDEX ix_used_assertion_expires_at ON used_assertion (expires_at);
CREATE TABLE user (
  id VARCHAR(22) NOT NULL,
  username VARCHAR(200) NOT NULL,
  username_key VARCHAR(400) NOT NULL,
  email VARCHAR(320),
  email_key VARCHAR(640),
  name VARCHAR(200),
  password_hash VARCHAR(400),
  password_changed_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  disabled_at BIGINT,
  second_factor_at BIGINT,
  claims TEXT,
  CONSTRAINT pk_user PRIMARY KEY (id),
  CONSTRAINT uq_user_username_key UNIQUE (username_key),
  CONSTRAINT uq_user_email_key UNIQUE (email_key)
);
CREATE TABLE client_secret (
  id VARCHAR(22) NOT NULL,
  client_id VARCHAR(200) NOT NULL,
  secret_hash BLOB NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  secret_sealed BLOB,
  CONSTRAINT pk_client_secret PRIMARY KEY (id),
  CONSTRAINT fk_client_secret_client_id FOREIGN KEY(client_id) REFERENCES client (client_id) ON DELETE CASCADE
);
CREATE INDEX ix_client_secret_client_id ON client_secret (client_id);
CREATE TABLE client_shop (
  client_id VARCHAR(200) NOT NULL,
  shop_id VARCHAR(22) NOT NULL,
  CONSTRAINT pk_client_shop PRIMARY KEY (client_id, shop_id),
  CONSTRAINT fk_client_shop_client_id FOREIGN KEY(client_id) REFERENCES client (client_id) ON DELETE CASCADE,
  CONSTRAINT fk_client_shop_shop_id FOREIGN KEY(shop_id) REFERENCES shop (id) ON DELETE CASCADE
);
CREATE INDEX ix_client_shop_shop_id ON client_shop (shop_id);
CREATE TABLE consent (
  user_id VARCHAR(22) NOT NULL,
  client_id VARCHAR(200) NOT NULL,
  scope TEXT NOT NULL,
  granted_at BIGINT NOT NULL,
  CONSTRAINT pk_consent PRIMARY KEY (user_id, client_id),
  CONSTRAINT fk_consent_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT fk_consent_client_id FOREIGN KEY(client_id) REFERENCES client (client_id) ON DELETE CASCADE
);
CREATE INDEX ix_consent_client_id ON consent (client_id);
CREATE TABLE passkey (
  credential_id BLOB NOT NULL,
  user_id VARCHAR(22) NOT NULL,
  public_key BLOB NOT NULL,
  sign_count BIGINT NOT NULL,
  name VARCHAR(200),
  transports JSON NOT NULL,
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  CONSTRAINT pk_passkey PRIMARY KEY (credential_id),
  CONSTRAINT fk_passkey_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE INDEX ix_passkey_user_id ON passkey (user_id);
CREATE TABLE password_reset (
  token_hash BLOB NOT NULL,
  user_id VARCHAR(22) NOT NULL,
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  CONSTRAINT pk_password_reset PRIMARY KEY (token_hash),
  CONSTRAINT uq_password_reset_user_id UNIQUE (user_id),
  CONSTRAINT fk_password_reset_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE recovery_code (
  user_id VARCHAR(22) NOT NULL,
  code_hash BLOB NOT NULL,
  used_at BIGINT,
  CONSTRAINT pk_recovery_code PRIMARY KEY (user_id, code_hash),
  CONSTRAINT fk_recovery_code_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE resource (
  uri VARCHAR(400) NOT NULL,
  name VARCHAR(200),
  scope TEXT NOT NULL,
  introspection_client VARCHAR(200),
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  disabled_at BIGINT,
  CONSTRAINT pk_resource PRIMARY KEY (uri),
  CONSTRAINT fk_resource_introspection_client FOREIGN KEY(introspection_client) REFERENCES client (client_id) ON DELETE SET NULL
);
CREATE INDEX ix_resource_introspection_client ON resource (introspection_client);
CREATE TABLE session (
  id_hash BLOB NOT NULL,
  user_id VARCHAR(22) NOT NULL,
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  amr JSON NOT NULL,
  user_agent VARCHAR(400),
  address VARCHAR(64),
  sid VARCHAR(22),
  CONSTRAINT pk_session PRIMARY KEY (id_hash),
  CONSTRAINT fk_session_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE INDEX ix_session_expires_at ON session (expires_at);
CREATE INDEX ix_session_user_id ON session (user_id);
CREATE TABLE totp (
  user_id VARCHAR(22) NOT NULL,
  secret_sealed BLOB NOT NULL,
  confirmed_at BIGINT,
  last_step INTEGER,
  CONSTRAINT pk_totp PRIMARY KEY (user_id),
  CONSTRAINT fk_totp_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE
);
CREATE TABLE user_shop (
  user_id VARCHAR(22) NOT NULL,
  shop_id VARCHAR(22) NOT NULL,
  CONSTRAINT pk_user_shop PRIMARY KEY (user_id, shop_id),
  CONSTRAINT fk_user_shop_user_id FOREIGN KEY(user_id) REFERENCES user (id) ON DELETE CASCADE,
  CONSTRAINT fk_user_shop_shop_id FOREIGN KEY(shop_id) REFERENCES shop (id) ON DELETE CASCADE
);
CREATE INDEX ix_user_shop_shop_id ON user_shop (shop_id);
