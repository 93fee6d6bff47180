using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Http;

/// <summary>
/// What the requests of one client's connection of HTTP/2 keep of memory: heads and trailers, of which the connection may have so much, and what each costs that runs. All of it is on the account of the client, who may have as much as is
/// free for others by all connections together. Belongs to its loop's thread.
/// </summary>
/// <param name="account">Whose account it is on.</param>
/// <param name="mostHeads">Most bytes of heads and trailers, as <see cref="BytesOf"/> counts them.</param>
internal sealed class HeadRoom(BufferAccount account, int mostHeads)
{
    // A request that runs, with its streams, measured: 0.7 KB where nothing is kept of it, 1 KB where it is routed.
    private const int OfRequest = 1024;

    // What a field takes beside its bytes (RFC 9113, section 6.5.2).
    private const int OfField = 32;

    // Bytes of heads that nothing depends on yet: some hundred usual ones, and little enough for thousands of connections.
    private const int MostSpare = 64 << 10;

    // Those give way to others: they may only have a fourth of what is free.
    private const int PartForSpare = 4;

    private int _heads;
    private long _kept;
    private bool _isOver;

    /// <summary>What a list of fields is counted as.</summary>
    internal static int BytesOf(HeaderList fields) => fields.Bytes + (fields.Count * OfField);

    /// <summary>Counts a request that begins.</summary>
    /// <returns>False when the client has too many.</returns>
    internal bool TryEnter() => TryKeep(OfRequest);

    /// <summary>A request is over that was counted.</summary>
    internal void Leave() => Forget(OfRequest);

    /// <summary>Counts bytes of heads, or trailers, that are kept for later.</summary>
    /// <returns>False when there are too many already.</returns>
    internal bool TryHold(int bytes)
    {
        if (_heads + bytes > mostHeads || !TryKeep(bytes)) return false;
        _heads += bytes;
        return true;
    }

    /// <summary>They are not kept any more.</summary>
    internal void Drop(int bytes)
    {
        _heads -= bytes;
        Forget(bytes);
    }

    /// <summary>Whether a head may be kept that nothing depends on yet.</summary>
    /// <param name="bytes">What it is counted as; 0: it is kept already.</param>
    internal bool HasSpare(int bytes) => _heads + bytes <= MostSpare && account.HasRoomToKeep(bytes, PartForSpare);

    /// <summary>The connection is over: nothing is kept any more.</summary>
    internal void End()
    {
        _isOver = true;
        account.Drop(_kept);
        _kept = 0;
    }

    private bool TryKeep(int bytes)
    {
        if (_isOver || !account.TryKeep(bytes)) return false;
        _kept += bytes;
        return true;
    }

    private void Forget(int bytes)
    {
        if (_isOver) return;
        _kept -= bytes;
        account.Drop(bytes);
    }
}
