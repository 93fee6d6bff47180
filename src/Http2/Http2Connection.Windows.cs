using Culvert.Http2.Frames;

namespace Culvert.Http2;

/// <content>
/// How much peers may have under way on each stream. A window holds back a fast stream over a long path when it is smaller than what fits on the path (the product of
/// bandwidth and delay). So rounds are measured, from a PING to its answer: a stream of which half a window or more was consumed within one may have twice as much
/// afterwards, up to a limit and as far as the handler has room for it. A reader that is slow itself never comes so far. The time a round takes includes what
/// waits in queues, as credit waits there too.
/// </content>
public sealed partial class Http2Connection
{
    // A peer runs dry while credit is on its way, so it comes early; with halves the sender of a bulk stream slept a fifth of the time (measured, 2 cores).
    private const int CreditParts = 4;

    // What a round costs is a PING; a stream needs four of them from 1 to 16 MiB.
    private static readonly TimeSpan RoundInterval = TimeSpan.FromMilliseconds(10);

    private int _windowToAcknowledge;
    private int _localInitialWindow;
    private int _round;
    private bool _roundRuns;
    private long _roundBegan;

    /// <summary>What this side lets peers have under way on each stream, as it has told them last; <see cref="Http2Options.StreamWindow"/> at first.</summary>
    public int StreamWindow { get; private set; }

    /// <summary>
    /// Changes the receive window of all streams by SETTINGS, also of those that are open (RFC 9113, section 6.9.2). What a peer has sent more than that is
    /// still taken: it counts when the peer has acknowledged. Streams that have grown shrink as their bytes are consumed. Without effect when nothing changes.
    /// </summary>
    /// <param name="window">Bytes, 1 to 2^31-1.</param>
    public void ChangeStreamWindow(int window)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(window);
        if (IsClosed || !_started || window == StreamWindow) return;
        if (window < StreamWindow) TakeGrowthBack();
        StreamWindow = window;
        if (!IsUnderWay(OwnChange.StreamWindow)) WriteStreamWindow();
    }

    private void WriteStreamWindow()
    {
        _windowToAcknowledge = StreamWindow;
        WriteChange(OwnChange.StreamWindow, SettingId.InitialWindowSize, StreamWindow);
    }

    private void OnStreamWindowAcknowledged()
    {
        ApplyOwnWindow(_windowToAcknowledge);
        if (StreamWindow != _localInitialWindow && !IsClosed) WriteStreamWindow();
    }

    private void ApplyOwnWindow(int window)
    {
        var delta = window - _localInitialWindow;
        if (delta == 0) return;
        _localInitialWindow = window;
        for (var stream = _streams.First; stream is not null; stream = stream.Next) stream.ReceiveWindow += delta;
    }

    /// <summary>
    /// Lets the peer send <paramref name="bytes"/> more on this stream than <see cref="Http2Options.StreamWindow"/>, for a stream whose bytes are never held. It grows no more by itself.
    /// </summary>
    public void WidenWindow(Http2Stream stream, int bytes)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        if (IsClosed || !stream.Active || stream.RemoteClosed || (long)stream.ReceiveWindow + bytes > int.MaxValue) return;
        stream.ReceiveWindow += bytes;
        stream.MayWiden = false;
        WriteWindowUpdate(stream.Id, bytes);
    }

    private void CreditStream(Http2Stream stream, int bytes)
    {
        if (IsClosed || stream.RemoteClosed) return;
        var kept = Math.Min(bytes, stream.WindowDebt);
        stream.WindowDebt -= kept;
        if (kept > 0) _handler.OnNarrowed(kept);
        stream.PendingCredit += bytes - kept;
        var window = Math.Min(StreamWindow, _localInitialWindow) + stream.Growth;
        var growth = MeasureRound(stream, bytes, window);
        if (growth == 0 && stream.PendingCredit < Math.Max(1, window / CreditParts)) return;
        var credit = stream.PendingCredit + growth;
        stream.PendingCredit = 0;
        stream.ReceiveWindow += credit;
        WriteWindowUpdate(stream.Id, credit);
        if (stream.MayWiden && window + growth < _options.MaxStreamWindow) BeginRound();
    }

    /// <summary>Counts what the running round has consumed of a stream; after its end, the bytes by which the stream's window grows.</summary>
    private int MeasureRound(Http2Stream stream, int bytes, int window)
    {
        if (_roundRuns)
        {
            if (stream.Round != _round) (stream.Round, stream.RoundBytes) = (_round, 0);
            stream.RoundBytes += bytes;
            return 0;
        }

        if (stream.Round != _round || stream.RoundBytes == 0) return 0;
        var isFull = stream.RoundBytes >= window / 2;
        stream.RoundBytes = 0;
        var growth = Math.Min(window, _options.MaxStreamWindow - window);
        if (!isFull || !stream.MayWiden || growth <= 0 || stream.WindowDebt > 0 || !_handler.MayWiden(growth)) return 0;
        stream.Growth += growth;
        return growth;
    }

    private void BeginRound()
    {
        if (_roundRuns || !_settingsAcknowledged) return;
        var now = _time.GetTimestamp();
        if (_time.GetElapsedTime(_roundBegan, now) < RoundInterval) return;
        _roundBegan = now;
        _roundRuns = true;
        _round++;
        WritePing(RoundPing, ack: false);
    }

    private void EndRound() => _roundRuns = false;

    private void TakeGrowthBack()
    {
        for (var stream = _streams.First; stream is not null; stream = stream.Next)
        {
            stream.WindowDebt += stream.Growth;
            stream.Growth = 0;
        }
    }

    private void ReturnGrowth(Http2Stream stream)
    {
        var left = stream.Growth + stream.WindowDebt;
        stream.Growth = stream.WindowDebt = 0;
        if (left > 0) _handler.OnNarrowed(left);
    }
}
