using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Limits;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>A connection of HTTP/2 with an application, or with the other node's proxy in its place. Belongs to its loop's thread.</summary>
/// <param name="transport">The transport; owned from here on.</param>
/// <param name="requests">Takes the requests of a client; null towards a server.</param>
/// <param name="options">HTTP/2 settings.</param>
/// <param name="holder">Whose account buffers are on for what streams have for slow readers.</param>
/// <param name="user">Who uses it.</param>
/// <param name="time">The clock.</param>
/// <param name="idleTime">After how long without a request one to a server is closed; null: it lasts as long as the one that it belongs to.</param>
internal sealed class Http2Link(
    ITransport transport, IHttp2Requests<Http2Driver>? requests, Http2Options options, in BudgetHolder holder, IHttp2LinkUser user, TimeProvider time, TimeSpan? idleTime = null)
    : Http2Driver(transport, requests, options, idleTime ?? TimeSpan.MaxValue, holder, time)
{
    // Output that is nobody's: what most connections never have at the end of a turn.
    private const int Uncounted = 64 << 10;

    // A server that says something when output has its most is taken for one that reads nothing (Http2Options.MaxOutputBytes): requests that begin leave room for that, and for what follows of those that run.
    private readonly int _mostToBegin = requests is null ? options.MaxOutputBytes / 2 : options.MaxOutputBytes;
    private readonly int _mostOutput = requests is null ? options.MaxOutputBytes / 4 * 3 : options.MaxOutputBytes;
    private int _counted; // on its account
    private bool _isShort; // somebody has had no room

    /// <summary>Whether so much waits for the peer already that no head should be added: heads have no window.</summary>
    internal bool IsOverfull => Http2.PendingOutput > _mostOutput;

    /// <summary>
    /// Whether a head may be added: what waits for the peer then, and its account has together, stays bounded, however much has come in this turn. A few bytes of HPACK can be a head of many. Where there is no room
    /// <see cref="IHttp2LinkUser.OnMayOpen"/> is called as soon as there may be.
    /// </summary>
    /// <param name="isFirst">Whether it is that of a request, which can wait.</param>
    internal bool HasRoomForHead(bool isFirst)
    {
        int most = isFirst ? _mostToBegin : _mostOutput;
        if (Http2.PendingOutput <= Uncounted || TryCount(most)) return true;
        WriteNow();
        if (Http2.PendingOutput <= Uncounted || TryCount(most)) return true;
        _isShort = true;
        return false;
    }

    /// <summary>Whether the peer has spoken HTTP/2: it begins with its settings.</summary>
    internal bool HasSpoken { get; private set; }

    /// <inheritdoc/>
    protected override void OnSettings()
    {
        HasSpoken = true;
        user.OnSettings(this);
        user.OnMayOpen(this);
    }

    /// <inheritdoc/>
    protected override void OnWritten()
    {
        if (Http2.PendingOutput <= Uncounted) Uncount();
        if (!_isShort) return;
        _isShort = false;
        user.OnMayOpen(this);
    }

    /// <inheritdoc/>
    protected override void OnUnblocked() => user.OnMayOpen(this);

    /// <inheritdoc/>
    /// <remarks>Not every change after which the peer takes a stream is told: whoever waits for one asks once a second, too.</remarks>
    protected override void OnCheck() => user.OnMayOpen(this);

    /// <inheritdoc/>
    protected override void OnGoAway() => user.OnLeaving(this);

    /// <inheritdoc/>
    protected override void OnFailed() => user.OnLeaving(this);

    /// <inheritdoc/>
    protected override void OnClosing()
    {
        Uncount();
        user.OnClosed(this);
    }

    private bool TryCount(int most)
    {
        int pending = Http2.PendingOutput, wanted = pending / Uncounted * Uncounted;
        if (pending > most) return false;
        if (wanted <= _counted) return true;
        if (IsClosed || !Account.TryKeep(wanted - _counted)) return false;
        _counted = wanted;
        return true;
    }

    private void Uncount()
    {
        if (_counted == 0) return;
        Account.Drop(_counted);
        _counted = 0;
    }
}
