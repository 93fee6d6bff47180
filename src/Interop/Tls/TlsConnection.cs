using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;

namespace Culvert.Interop.Tls;

/// <summary>
/// One TLS connection over a socket's descriptor (SSL). Calls never block: they say when to call again. With edge-triggered
/// readiness read until WantRead, or until <see cref="HasEmptiedSocket"/> is true and <see cref="HasPending"/> is false.
/// </summary>
/// <remarks>For one thread at a time. The socket has to outlive this object and stays its owner's to close.</remarks>
public sealed unsafe class TlsConnection : SafeHandle
{
    // Three full records, as many as one of the largest TCP segments takes (64 KiB with headers before segmentation). What is more than one has to wait where the socket is paced, as by bbr, for
    // a timer of the kernel at each send(2): with four records one stream between two nodes came to 0.74 to 0.85 of an nginx pair in the same minutes, with two or three to 0.91 to 1.48, with
    // 0.80 to 0.83 and 0.92 to 1.45 of its bytes for the same CPU time (Linux 6.18, 2 cores, virtual, AVX-512).
    private const int WriteBufferLength = 3 * (16_384 + 22);

    // What a handshake needs: a peer that has proven nothing yet must not hold what bulk transfers use.
    private const int HandshakeBufferLength = 4096;

    // A read buffer takes a record of the largest plaintext (SSL3_RT_MAX_PLAIN_LENGTH) and its overhead. It is shorter only where the client has asked for
    // shorter records (max_fragment_length; OpenSSL 3.2 and later).
    private const int LeastReadLength = 16_384;

    private readonly int _readBufferLength;
    private readonly TlsForeignRoots? _foreignRoots;

    private nint _socket;
    private ulong _bytesRead;
    private bool _betweenRecords; // nothing of a record has been read
    private bool _hasShortRecords;
    private nint _writeBuffer;
    private bool _unflushed;
    private int _stepsSinceData;
    private string? _failure;

    private TlsConnection(nint ssl, TlsContext context)
        : base(0, ownsHandle: true)
    {
        SetHandle(ssl);
        (_readBufferLength, _foreignRoots) = (context.ReadBufferLength, context.ForeignRoots);
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Why the last call said Failed; null when none did.</summary>
    public string? FailureReason => _failure;

    /// <summary>Makes a connection; no byte is sent before <see cref="Handshake"/>.</summary>
    /// <param name="context">The identity to present and the bundle to verify with.</param>
    /// <param name="socket">A connected socket.</param>
    /// <exception cref="TlsException">Out of memory.</exception>
    public static TlsConnection Create(TlsContext context, SocketHandle socket)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(socket);
        bool referenced = false;
        context.DangerousAddRef(ref referenced);
        nint ssl = OpenSsl.SSL_new(context.DangerousGetHandle());
        context.DangerousRelease();
        if (ssl == 0) throw TlsException.FromQueue("make a TLS connection");
        TlsConnection connection = new(ssl, context);
        if (!connection.Attach(socket.Descriptor))
        {
            connection.Dispose();
            throw TlsException.FromQueue("tie a TLS connection to its socket");
        }

        if (context.IsServer) OpenSsl.SSL_set_accept_state(ssl);
        else OpenSsl.SSL_set_connect_state(ssl);
        return connection;
    }

    /// <summary>Goes on with the handshake.</summary>
    public TlsResult Handshake()
    {
        OpenSsl.ForgetErrors();
        TlsForeignRoots.Begin(_foreignRoots);
        TlsReadBuffer.Begin(_readBufferLength);
        int result = OpenSsl.SSL_do_handshake(handle);
        TlsReadBuffer.End();
        TlsForeignRoots.End();
        _ = CountRead();
        if (result != 1) return Explain(result);
        _betweenRecords = !HasPending;
        _hasShortRecords = OpenSsl.SSL_SESSION_get_max_fragment_length(OpenSsl.SSL_get_session(handle)) != 0;
        KeyExchangeGroup ??= TlsGroups.Negotiated(handle);
        UseLargeBuffers();
        return new TlsResult(TlsStatus.Done);
    }

    /// <summary>Has this side go on with fresh keys (KeyUpdate; RFC 8446, section 4.6.3). The handshake must be done.</summary>
    public TlsResult UpdateKeys()
    {
        OpenSsl.ForgetErrors();
        bool wasBetween = _betweenRecords;
        TlsResult result = OpenSsl.SSL_key_update(handle, OpenSsl.SSL_KEY_UPDATE_NOT_REQUESTED) == 1 ? Handshake() : Explain(0);
        _betweenRecords &= wasBetween;
        return result;
    }

    /// <summary>Reads decrypted bytes: at most one record's worth per call. Failed when too many messages without data follow each other (fresh keys, tickets).</summary>
    /// <param name="buffer">Where to put them; not empty.</param>
    public TlsResult Read(Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            OpenSsl.ForgetErrors();
            TlsStepLimit.Begin(_stepsSinceData);
            int count = OpenSsl.SSL_read(handle, p, buffer.Length);
            int steps = TlsStepLimit.End();
            _stepsSinceData = count > 0 ? 0 : steps;
            NoteRead(count > 0);
            if (count > 0) return new TlsResult(TlsStatus.Done, count);
            if (!TlsStepLimit.IsExceeded(steps)) return Explain(count);
            OpenSsl.ERR_clear_error();
            _failure = "too many TLS messages without data";
            return new TlsResult(TlsStatus.Failed);
        }
    }

    /// <summary>
    /// Whether bytes wait inside. False says that the next <see cref="Read"/> asks the socket; it does not say that the socket is empty.
    /// </summary>
    public bool HasPending { get; private set; }

    /// <summary>
    /// Whether the last <see cref="Read"/> has emptied the socket at some moment: whatever lies there now came later, and made a new edge (epoll(7)).
    /// False says nothing. The end of the stream, when it came together with these bytes, does not make another edge.
    /// </summary>
    public bool HasEmptiedSocket { get; private set; }

    /// <summary>
    /// Encrypts bytes, one record at a time: the count may be less than asked. Records are gathered and sent several at once: call
    /// <see cref="Flush"/> after the last. After WantWrite the same bytes (at any address, possibly with more behind them) have to be given again.
    /// </summary>
    /// <param name="buffer">The bytes; not empty.</param>
    public TlsResult Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            OpenSsl.ForgetErrors();
            int count = OpenSsl.SSL_write(handle, p, buffer.Length);
            _unflushed = true;
            return count > 0 ? new TlsResult(TlsStatus.Done, count) : Explain(count);
        }
    }

    /// <summary>Sends what <see cref="Write"/> has gathered: Done, WantWrite (call again), or SocketError.</summary>
    public TlsResult Flush()
    {
        if (!_unflushed) return new TlsResult(TlsStatus.Done);
        if (OpenSsl.BIO_ctrl(_writeBuffer, OpenSsl.BIO_CTRL_FLUSH, 0, null) > 0)
        {
            _unflushed = false;
            return new TlsResult(TlsStatus.Done);
        }

        int errno = Marshal.GetLastPInvokeError();
        if (OpenSsl.BIO_test_flags(_writeBuffer, OpenSsl.BIO_FLAGS_SHOULD_RETRY) != 0) return new TlsResult(TlsStatus.WantWrite);
        OpenSsl.ERR_clear_error();
        _failure = $"socket error: {Errno.Name(errno)}";
        return new TlsResult(TlsStatus.SocketError, 0, (SocketErrno)errno);
    }

    /// <summary>Sends close_notify once, if the socket takes it; does not wait for the peer's.</summary>
    public void Shutdown()
    {
        if (_failure is not null) return;
        if (OpenSsl.SSL_shutdown(handle) < 0) OpenSsl.ERR_clear_error();
    }

    /// <summary>Reads what the peer's certificate says; null when it has presented none.</summary>
    public TlsPeer? GetPeer()
    {
        nint x509 = OpenSsl.SSL_get1_peer_certificate(handle);
        if (x509 == 0) return null;
        try
        {
            return TlsPeerReader.Read(x509, OpenSsl.SSL_get0_verified_chain(handle));
        }
        finally
        {
            OpenSsl.X509_free(x509);
        }
    }

    /// <summary>The key exchange group that the handshake has agreed on, as TLS names it; null before that.</summary>
    /// <remarks>OpenSSL before 3.2 crashes when it is asked before the handshake: there is no session yet.</remarks>
    public string? KeyExchangeGroup { get; private set; }

    /// <summary>Whether the handshake chose HTTP/2 by ALPN.</summary>
    public bool IsHttp2Selected()
    {
        byte* protocol;
        uint length;
        OpenSsl.SSL_get0_alpn_selected(handle, &protocol, &length);
        return new ReadOnlySpan<byte>(protocol, (int)length).SequenceEqual("h2"u8);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        OpenSsl.SSL_free(handle);
        return true;
    }

    private bool Attach(int descriptor)
    {
        nint socket = OpenSsl.BIO_new_socket(descriptor, OpenSsl.BIO_NOCLOSE);
        if (socket == 0) return false;
        OpenSsl.SSL_set0_rbio(handle, socket);
        _socket = socket;
        _writeBuffer = OpenSsl.BIO_new(OpenSsl.BIO_f_buffer());
        if (_writeBuffer == 0 || OpenSsl.BIO_int_ctrl(_writeBuffer, OpenSsl.BIO_C_SET_BUFF_SIZE, HandshakeBufferLength, 1) != 1
            || OpenSsl.BIO_up_ref(socket) != 1)
        {
            _ = OpenSsl.BIO_free(_writeBuffer);
            return false;
        }

        OpenSsl.SSL_set0_wbio(handle, OpenSsl.BIO_push(_writeBuffer, socket));
        return true;
    }

    // Everything the handshake has written is on its way by now: OpenSSL flushes each flight before it waits or ends.
    private void UseLargeBuffers()
    {
        OpenSsl.SSL_set_default_read_buffer_len(handle, (nuint)_readBufferLength);
        if (OpenSsl.BIO_int_ctrl(_writeBuffer, OpenSsl.BIO_C_SET_BUFF_SIZE, WriteBufferLength, 1) == 1) return;

        // No memory for more: records are written one at a time.
        OpenSsl.ERR_clear_error();
    }

    // Between records OpenSSL asks the socket for as much as its buffer takes, and then for what is missing of a record. So when all that came is less than
    // a buffer, the first of these reads was short, and a short read has emptied the socket. In the middle of a record it asks for the rest of it alone.
    private void NoteRead(bool isDone)
    {
        bool began = _betweenRecords;
        ulong came = CountRead();
        _betweenRecords = !HasPending && (isDone || (began && came == 0));
        HasEmptiedSocket = began && !_hasShortRecords && came is > 0 and < LeastReadLength;
    }

    // Bytes that came from the socket since the last call.
    private ulong CountRead()
    {
        ulong before = _bytesRead;
        _bytesRead = OpenSsl.BIO_number_read(_socket);
        HasPending = OpenSsl.SSL_has_pending(handle) != 0;
        return _bytesRead - before;
    }

    private TlsResult Explain(int result)
    {
        int errno = Marshal.GetLastPInvokeError();
        switch (OpenSsl.SSL_get_error(handle, result))
        {
            case OpenSsl.SSL_ERROR_WANT_READ: return new TlsResult(TlsStatus.WantRead);
            case OpenSsl.SSL_ERROR_WANT_WRITE: return new TlsResult(TlsStatus.WantWrite);
            case OpenSsl.SSL_ERROR_ZERO_RETURN: return new TlsResult(TlsStatus.Closed);
            case OpenSsl.SSL_ERROR_SYSCALL:
                OpenSsl.ERR_clear_error();
                _failure = $"socket error: {Errno.Name(errno)}";
                return errno == 0 ? new TlsResult(TlsStatus.Closed) : new TlsResult(TlsStatus.SocketError, 0, (SocketErrno)errno);
            default:
                _failure = TlsException.DrainErrors();
                nint verification = OpenSsl.SSL_get_verify_result(handle);
                if (verification != 0)
                {
                    _failure += $": {Marshal.PtrToStringUTF8((nint)OpenSsl.X509_verify_cert_error_string(verification))}";
                }

                return new TlsResult(TlsStatus.Failed);
        }
    }
}
