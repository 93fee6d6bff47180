using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// openssl/ssl.h, openssl/tls1.h
internal static unsafe partial class OpenSsl
{
    internal const int TLS1_3_VERSION = 0x0304;

    internal const int SSL_CTRL_MODE = 33;
    /// <summary>The server's proof of its key has been read (OSSL_HANDSHAKE_STATE).</summary>
    internal const int TLS_ST_CR_CERT_VRFY = 39;

    /// <summary>The client's proof of its key has been read.</summary>
    internal const int TLS_ST_SR_CERT_VRFY = 29;

    internal const int SSL_CTRL_SET_READ_AHEAD = 41;
    internal const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    internal const int SSL_CTRL_CHAIN_CERT = 89;
    internal const int SSL_CTRL_SET_GROUPS_LIST = 92;
    internal const int SSL_CTRL_SET_VERIFY_CERT_STORE = 106;
    internal const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    internal const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;
    internal const int SSL_CTRL_GET_NEGOTIATED_GROUP = 134;

    internal const int SSL_MODE_ENABLE_PARTIAL_WRITE = 0x1;
    internal const int SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x2;
    internal const int SSL_MODE_RELEASE_BUFFERS = 0x10;
    internal const int SSL_KEY_UPDATE_NOT_REQUESTED = 0;
    internal const int SSL_RECEIVED_SHUTDOWN = 2;
    internal const int SSL_CB_LOOP = 1;
    internal const ulong SSL_OP_IGNORE_UNEXPECTED_EOF = 1UL << 7;
    internal const ulong SSL_OP_NO_TICKET = 1UL << 14;
    internal const ulong SSL_OP_NO_COMPRESSION = 1UL << 17;
    internal const ulong SSL_OP_NO_RENEGOTIATION = 1UL << 30;

    internal const int SSL_VERIFY_PEER = 1;
    internal const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;

    internal const int SSL_ERROR_SSL = 1;
    internal const int SSL_ERROR_WANT_READ = 2;
    internal const int SSL_ERROR_WANT_WRITE = 3;
    internal const int SSL_ERROR_SYSCALL = 5;
    internal const int SSL_ERROR_ZERO_RETURN = 6;

    internal const int SSL_TLSEXT_ERR_OK = 0;
    internal const int SSL_TLSEXT_ERR_ALERT_FATAL = 2;

    [LibraryImport(Ssl)]
    internal static partial nint TLS_server_method();

    [LibraryImport(Ssl)]
    internal static partial nint TLS_client_method();

    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_new(nint method);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_free(nint context);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_CTX_ctrl(nint context, int command, nint number, void* pointer);

    [LibraryImport(Ssl)]
    internal static partial ulong SSL_CTX_set_options(nint context, ulong options);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_set_ciphersuites(nint context, byte* names);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_cert_verify_callback(nint context, delegate* unmanaged<nint, void*, int> callback, void* argument);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_info_callback(nint context, delegate* unmanaged<nint, int, int, void> callback);

    /// <summary>The state of the handshake (OSSL_HANDSHAKE_STATE).</summary>
    [LibraryImport(Ssl)]
    internal static partial int SSL_get_state(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_get_session(nint ssl);

    /// <summary>0 where none was agreed on (RFC 6066, section 4).</summary>
    [LibraryImport(Ssl)]
    internal static partial byte SSL_SESSION_get_max_fragment_length(nint session);

    [LibraryImport(Ssl)]
    internal static partial void SSL_set_shutdown(nint ssl, int mode);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_use_certificate(nint context, nint x509);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_use_PrivateKey(nint context, nint key);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_check_private_key(nint context);

    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_set_num_tickets(nint context, nuint count);

    /// <summary>Counts for the next buffer (before OpenSSL 3.2), or for the next keys (since then): what exists keeps its length.</summary>
    [LibraryImport(Ssl)]
    internal static partial void SSL_set_default_read_buffer_len(nint ssl, nuint length);

    /// <summary>Unlike its neighbours returns 0 on success.</summary>
    [LibraryImport(Ssl)]
    internal static partial int SSL_CTX_set_alpn_protos(nint context, byte* protocols, uint length);

    [LibraryImport(Ssl)]
    internal static partial void SSL_CTX_set_alpn_select_cb(
        nint context, delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, void*, int> callback, void* argument);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_new(nint context);

    [LibraryImport(Ssl)]
    internal static partial void SSL_free(nint ssl);

    /// <summary>Takes one reference on the BIO.</summary>
    [LibraryImport(Ssl)]
    internal static partial void SSL_set0_rbio(nint ssl, nint bio);

    /// <summary>Takes one reference on the BIO.</summary>
    [LibraryImport(Ssl)]
    internal static partial void SSL_set0_wbio(nint ssl, nint bio);

    /// <summary>1 when bytes of records, whole or not, decrypted or not, wait inside; it only looks at fields.</summary>
    [LibraryImport(Ssl)]
    [SuppressGCTransition]
    internal static partial int SSL_has_pending(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial void SSL_set_accept_state(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial void SSL_set_connect_state(nint ssl);

    /// <summary>1 when done; otherwise ask SSL_get_error.</summary>
    [LibraryImport(Ssl, SetLastError = true)]
    internal static partial int SSL_do_handshake(nint ssl);

    /// <summary>1 when the next SSL_do_handshake will send a KeyUpdate.</summary>
    [LibraryImport(Ssl)]
    internal static partial int SSL_key_update(nint ssl, int type);

    /// <summary>Bytes read (more than 0); otherwise ask SSL_get_error.</summary>
    [LibraryImport(Ssl, SetLastError = true)]
    internal static partial int SSL_read(nint ssl, byte* buffer, int length);

    /// <summary>Bytes written (more than 0); otherwise ask SSL_get_error.</summary>
    [LibraryImport(Ssl, SetLastError = true)]
    internal static partial int SSL_write(nint ssl, byte* buffer, int length);

    /// <summary>Sends close_notify: 0 sent, 1 both sides have, negative: ask SSL_get_error.</summary>
    [LibraryImport(Ssl)]
    internal static partial int SSL_shutdown(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial int SSL_get_error(nint ssl, int result);

    /// <summary>An X509* of which the caller owns one reference, or 0 without a certificate.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_get1_peer_certificate(nint ssl);

    /// <summary>The chain as it was verified, leaf first, anchor last; it stays the connection's. 0: nothing was verified.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_get0_verified_chain(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_get_verify_result(nint ssl);

    [LibraryImport(Ssl)]
    internal static partial nint SSL_ctrl(nint ssl, int command, nint number, void* pointer);

    /// <summary>The name that TLS gives a key exchange group (UTF-8, static), or 0 for an unknown one.</summary>
    [LibraryImport(Ssl)]
    internal static partial nint SSL_group_to_name(nint ssl, int group);

    [LibraryImport(Ssl)]
    internal static partial void SSL_get0_alpn_selected(nint ssl, byte** protocol, uint* length);
}
