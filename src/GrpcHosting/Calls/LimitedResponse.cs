using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Http.Features;

namespace Culvert.GrpcHosting;

/// <summary>
/// The response's bytes as the package writes them. Long messages go to the server part by part: it holds no second copy of them, and
/// each part that the client takes is progress for the write timeout.
/// Pieces that messages share (<see cref="Append"/>) are not copied before it is their turn. One writer at a time.
/// </summary>
internal sealed class LimitedResponse(LimitedCall call, IHttpResponseBodyFeature inner, TimeProvider time, TimeSpan? writeTimeout)
    : PipeWriter, IHttpResponseBodyFeature, IAsyncDisposable
{
    // Half of what Kestrel holds of a response before writers wait (KestrelServerLimits.MaxResponseBufferSize, 64 KiB).
    private const int PartSize = 32 * 1024;

    private readonly PipeWriter _pipe = inner.Writer;
    private readonly Queue<Piece> _waiting = new();
    private byte[]? _open;
    private int _openLength;
    private bool _isDirect;
    private volatile bool _isFlushing;
    private ITimer? _timer;

    /// <summary>Cancels flushes, and the stream with what waits for them.</summary>
    internal CancellationToken WriteCancellation { get; set; }

    public PipeWriter Writer => this;

    /// <summary>The server's stream; gRPC does not use it, and what is written to it has no write timeout.</summary>
    public Stream Stream => inner.Stream;

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => _pipe.UnflushedBytes + _openLength + _waiting.Sum(p => (long)p.Bytes.Length);

    private bool HasWaiting => _waiting.Count > 0 || _openLength > 0;

    public void DisableBuffering() => inner.DisableBuffering();

    public Task SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken = default) =>
        inner.SendFileAsync(path, offset, count, cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken = default) => inner.StartAsync(cancellationToken);

    /// <summary>
    /// Ends the response with what it has as status. If a message is only partly sent, the status would wait behind it: the stream is
    /// reset.
    /// </summary>
    public Task CompleteAsync()
    {
        if (!_isFlushing && !HasWaiting) return inner.CompleteAsync();
        call.Reset();
        return Task.CompletedTask;
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (_isFlushing) throw new InvalidOperationException("Can't write the message because the one before was only partly sent.");
        int size = Math.Max(sizeHint, 1);
        _isDirect = !HasWaiting && _pipe.UnflushedBytes + size <= PartSize;
        if (_isDirect) return _pipe.GetMemory(sizeHint);
        if (_open is not null && _open.Length - _openLength < size) Seal();
        _open ??= ArrayPool<byte>.Shared.Rent(Math.Max(size, PartSize));
        return _open.AsMemory(_openLength);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (_isDirect) _pipe.Advance(bytes);
        else _openLength += bytes;
    }

    /// <summary>Sends bytes behind those that were written, without a copy of them all.</summary>
    /// <param name="piece">The bytes; they must not change until they are sent.</param>
    internal void Append(ReadOnlyMemory<byte> piece)
    {
        Seal();
        _waiting.Enqueue(new(piece, null));
    }

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        Seal();
        while (_waiting.TryPeek(out Piece piece))
        {
            ReadOnlyMemory<byte> bytes = piece.Bytes;
            for (; _pipe.UnflushedBytes + bytes.Length > PartSize; bytes = bytes[Math.Min(bytes.Length, PartSize)..])
            {
                _pipe.Write(bytes.Span[..Math.Min(bytes.Length, PartSize)]);
                FlushResult part = await FlushPartAsync(cancellationToken);
                if (!part.IsCompleted) continue;
                Drop();
                return part;
            }
            _pipe.Write(bytes.Span);
            Free(_waiting.Dequeue());
        }
        return await FlushPartAsync(cancellationToken);
    }

    public override void CancelPendingFlush() => _pipe.CancelPendingFlush();

    public override void Complete(Exception? exception = null) => _pipe.Complete(exception);

    /// <summary>Sends what a unary method has left to be sent, as far as it is too long for the server to hold.</summary>
    internal async Task DrainAsync()
    {
        if (_isFlushing || !HasWaiting) return;
        try
        {
            await FlushAsync();
        }
        catch (OperationCanceledException) when (call.Interrupted.IsCancellationRequested)
        {
            // The stream is reset, or the client has gone.
        }
    }

    public async ValueTask DisposeAsync()
    {
        Drop();
        if (_timer is not null) await _timer.DisposeAsync();
    }

    private async ValueTask<FlushResult> FlushPartAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource? all = cancellationToken.CanBeCanceled || WriteCancellation.CanBeCanceled
            ? CancellationTokenSource.CreateLinkedTokenSource(call.Interrupted, cancellationToken, WriteCancellation)
            : null;
        CancellationToken cancel = all?.Token ?? call.Interrupted;
        _isFlushing = true;
        ValueTask<FlushResult> flush = _pipe.FlushAsync(cancel);
        FlushResult result;
        try
        {
            if (flush.IsCompleted)
            {
                result = await flush;
            }
            else
            {
                result = await WaitForClientAsync(flush);

                // Kestrel may end a cancelled flush as if it had succeeded.
                cancel.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException)
        {
            // Without this, what was not read stays in memory for as long as the client keeps the connection.
            call.Reset();
            Drop();
            throw;
        }
        _isFlushing = false;
        return result;
    }

    private async ValueTask<FlushResult> WaitForClientAsync(ValueTask<FlushResult> flush)
    {
        if (writeTimeout is not { } longest) return await flush;
        _timer ??= time.CreateTimer(
            static state => ((LimitedCall)state!).GiveUpWriting(), call, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _timer.Change(longest, Timeout.InfiniteTimeSpan);
        try
        {
            return await flush;
        }
        finally
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private void Seal()
    {
        if (_open is null) return;
        if (_openLength > 0) _waiting.Enqueue(new(_open.AsMemory(0, _openLength), _open));
        else ArrayPool<byte>.Shared.Return(_open);
        (_open, _openLength) = (null, 0);
    }

    private void Drop()
    {
        Seal();
        while (_waiting.TryDequeue(out Piece piece)) Free(piece);
    }

    private static void Free(Piece piece)
    {
        if (piece.Rented is not null) ArrayPool<byte>.Shared.Return(piece.Rented);
    }

    private readonly record struct Piece(ReadOnlyMemory<byte> Bytes, byte[]? Rented);
}
