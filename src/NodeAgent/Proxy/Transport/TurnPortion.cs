namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// How many bytes of a connection are taken on at a time: as many as there is room for, fewer of a peer whose bytes have been much work, so that a turn can end in between.
/// </summary>
internal readonly struct TurnPortion
{
    /// <summary>Fewest bytes; even frames without a payload are not many in them.</summary>
    internal const int Least = 512;

    /// <summary>
    /// As long as a turn may take. Nobody keeps others waiting with bytes that are much work, as frames and datagrams of one byte are: 9 us each (measured), half a second for
    /// 512 KiB. A request takes some six turns; with 2 ms each its p99 was 61 ms beside four peers that asked for connections all the time, with half a millisecond 17. A
    /// full buffer of bulk data (128 KiB) takes half of it.
    /// </summary>
    internal static readonly TimeSpan TurnTime = TimeSpan.FromMilliseconds(0.5);

    private readonly int _bytes;

    private TurnPortion(int bytes) => _bytes = bytes;

    /// <summary>Of a peer whose bytes are not known yet; it doubles with each portion that is little work.</summary>
    internal static TurnPortion First => new(Least);

    /// <summary>Bytes to take.</summary>
    /// <param name="room">How many there is room for; <see cref="Least"/> or more.</param>
    internal int Of(int room) => Math.Min(_bytes, room);

    /// <summary>Whether nothing more is taken: to the last byte, also in the middle of a record, as a portion that is never quite full would never grow.</summary>
    /// <param name="filled">Bytes taken so far.</param>
    /// <param name="room">As of <see cref="Of"/>.</param>
    internal bool IsFull(int filled, int room) => filled >= Of(room);

    /// <summary>What to take next.</summary>
    /// <param name="bytes">Bytes taken on just now; 1 or more.</param>
    /// <param name="took">How long that took.</param>
    internal TurnPortion After(int bytes, TimeSpan took)
    {
        if (took > TurnTime) return new TurnPortion((int)Math.Max(Least, bytes * (TurnTime / took)));

        // Twice as many would still do.
        return took > TurnTime / 2 || bytes < _bytes ? this : new TurnPortion((int)Math.Min(int.MaxValue, _bytes * 2L));
    }
}
