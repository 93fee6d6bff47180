using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Tls;

/// <summary>
/// One identity's TLS settings (SSL_CTX): TLS 1.3 only, ALPN h2 only, peer certificate required and verified against the
/// bundle, no tickets, no resumption.
/// </summary>
/// <remarks>Immutable; connections on any thread may be made from it. A connection keeps what it needs after disposal.</remarks>
public sealed unsafe class TlsContext : SafeHandle
{
    // AES-128 first: both sides have AES instructions, and its strength is that of P-256.
    private static ReadOnlySpan<byte> Suites => "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\0"u8;

    private static ReadOnlySpan<byte> Alpn => "\u0002h2"u8;

    private readonly FrozenSet<TlsAnchor> _anchors;

    private TlsContext(TlsContextOptions options)
        : base(0, ownsHandle: true)
    {
        (IsServer, ReadBufferLength, ForeignRoots) = (options.IsServer, options.ReadBufferLength, options.ForeignRoots);
        _anchors = options.TrustBundle.Select(a => TlsAnchor.Of(a.Span)).ToFrozenSet();
    }

    /// <summary>Whether connections made from it accept.</summary>
    public bool IsServer { get; }

    /// <summary>Bytes of TLS records that a connection reads from its socket at once after the handshake.</summary>
    internal int ReadBufferLength { get; }

    /// <summary>Roots of other domains; null: none.</summary>
    internal TlsForeignRoots? ForeignRoots { get; }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Builds a context.</summary>
    /// <param name="options">Certificates, key and bundle.</param>
    /// <exception cref="TlsException">A certificate or the key can't be read, or they don't belong together.</exception>
    public static TlsContext Create(TlsContextOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        OpenSsl.ERR_clear_error();
        TlsContext context = new(options);
        try
        {
            context.SetHandle(OpenSsl.SSL_CTX_new(options.IsServer ? OpenSsl.TLS_server_method() : OpenSsl.TLS_client_method()));
            if (context.IsInvalid) throw TlsException.FromQueue("make a TLS context");
            context.Configure(options);
            context.UseIdentity(options);
            context.UseTrustBundle(options.TrustBundle);
            return context;
        }
        catch
        {
            context.Dispose();
            throw;
        }
    }

    /// <summary>Whether a certificate is one of the trust bundle; also after disposal.</summary>
    public bool Trusts(TlsAnchor anchor) => _anchors.Contains(anchor);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        OpenSsl.SSL_CTX_free(handle);
        return true;
    }

    private void Configure(TlsContextOptions options)
    {
        Require(OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_MIN_PROTO_VERSION, OpenSsl.TLS1_3_VERSION, null), "ask for TLS 1.3");
        Require(OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_MAX_PROTO_VERSION, OpenSsl.TLS1_3_VERSION, null), "ask for TLS 1.3");
        int mode = OpenSsl.SSL_MODE_ENABLE_PARTIAL_WRITE | OpenSsl.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;
        if (options.ReleaseIdleBuffers) mode |= OpenSsl.SSL_MODE_RELEASE_BUFFERS;
        _ = OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_MODE, mode, null);
        OpenSsl.SSL_CTX_set_info_callback(handle, &TlsStepLimit.OnState);
        _ = OpenSsl.SSL_CTX_set_options(
            handle, OpenSsl.SSL_OP_NO_TICKET | OpenSsl.SSL_OP_NO_COMPRESSION | OpenSsl.SSL_OP_NO_RENEGOTIATION | OpenSsl.SSL_OP_IGNORE_UNEXPECTED_EOF);
        _ = OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_SESS_CACHE_MODE, 0, null);
        _ = OpenSsl.SSL_CTX_set_num_tickets(handle, 0);
        _ = OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_READ_AHEAD, 1, null);
        fixed (byte* suites = Suites) Require(OpenSsl.SSL_CTX_set_ciphersuites(handle, suites), "set the cipher suites");
        fixed (byte* groups = TlsGroups.List) Require(OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_GROUPS_LIST, 0, groups), "set the key exchange groups");
        OpenSsl.SSL_CTX_set_verify(handle, OpenSsl.SSL_VERIFY_PEER | OpenSsl.SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
        if (options.ForeignRoots is not null) OpenSsl.SSL_CTX_set_cert_verify_callback(handle, &TlsForeignRoots.Verify, null);
        if (options.IsServer)
        {
            OpenSsl.SSL_CTX_set_alpn_select_cb(handle, &SelectProtocol, null);
            return;
        }

        fixed (byte* alpn = Alpn) Require(OpenSsl.SSL_CTX_set_alpn_protos(handle, alpn, (uint)Alpn.Length) == 0 ? 1 : 0, "set ALPN");
    }

    private void UseIdentity(TlsContextOptions options)
    {
        nint leaf = ReadCertificate(options.Certificate.Span, "leaf certificate");
        int used = OpenSsl.SSL_CTX_use_certificate(handle, leaf);
        OpenSsl.X509_free(leaf);
        Require(used, "use the leaf certificate");
        foreach (ReadOnlyMemory<byte> der in options.Chain)
        {
            nint issuer = ReadCertificate(der.Span, "certificate of the chain");
            nint added = OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_CHAIN_CERT, 1, (void*)issuer);
            OpenSsl.X509_free(issuer);
            Require(added, "add a certificate to the chain");
        }

        fixed (byte* start = options.PrivateKey.Span)
        {
            byte* input = start;
            nint key = OpenSsl.d2i_AutoPrivateKey(0, &input, options.PrivateKey.Length);
            if (key == 0) throw TlsException.FromQueue("read the private key");
            int keyUsed = OpenSsl.SSL_CTX_use_PrivateKey(handle, key);
            OpenSsl.EVP_PKEY_free(key);
            Require(keyUsed, "use the private key");
        }

        Require(OpenSsl.SSL_CTX_check_private_key(handle), "match the private key to the leaf certificate");
    }

    private void UseTrustBundle(IReadOnlyList<ReadOnlyMemory<byte>> bundle)
    {
        if (bundle.Count == 0) throw new TlsException("failed to load the trust bundle: it is empty, no peer could be verified");
        nint store = OpenSsl.X509_STORE_new();
        try
        {
            _ = OpenSsl.X509_STORE_set_flags(store, OpenSsl.X509_V_FLAG_PARTIAL_CHAIN);
            foreach (ReadOnlyMemory<byte> der in bundle)
            {
                nint anchor = ReadCertificate(der.Span, "certificate of the trust bundle");
                int added = OpenSsl.X509_STORE_add_cert(store, anchor);
                OpenSsl.X509_free(anchor);
                Require(added, "add a certificate to the trust bundle");
            }

            // 1: the context takes its own reference.
            Require(OpenSsl.SSL_CTX_ctrl(handle, OpenSsl.SSL_CTRL_SET_VERIFY_CERT_STORE, 1, (void*)store), "use the trust bundle");
        }
        finally
        {
            OpenSsl.X509_STORE_free(store);
        }
    }

    private static nint ReadCertificate(ReadOnlySpan<byte> der, string what)
    {
        fixed (byte* start = der)
        {
            byte* input = start;
            nint x509 = OpenSsl.d2i_X509(0, &input, der.Length);
            return x509 != 0 ? x509 : throw TlsException.FromQueue($"read the {what}");
        }
    }

    private static void Require(nint result, string operation)
    {
        if (result <= 0) throw TlsException.FromQueue(operation);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SelectProtocol(nint ssl, byte** selected, byte* selectedLength, byte* offered, uint offeredLength, void* argument)
    {
        ReadOnlySpan<byte> list = new(offered, (int)offeredLength);
        for (int at = 0; at < list.Length; at += 1 + list[at])
        {
            ReadOnlySpan<byte> rest = list[at..];
            if (!rest.StartsWith(Alpn)) continue;
            *selected = offered + at + 1;
            *selectedLength = 2;
            return OpenSsl.SSL_TLSEXT_ERR_OK;
        }

        return OpenSsl.SSL_TLSEXT_ERR_ALERT_FATAL;
    }
}
