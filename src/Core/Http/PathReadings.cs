namespace Culvert.Core;

/// <summary>The readings of a path, of which most have one (<see cref="HttpPath.Read"/>). Valid while what they are made of is.</summary>
public readonly ref struct PathReadings
{
    private readonly ReadOnlySpan<byte> _bytes;
    private readonly ReadOnlySpan<int> _ends;

    private PathReadings(ReadOnlySpan<byte> bytes, ReadOnlySpan<int> ends)
    {
        _bytes = bytes;
        _ends = ends;
    }

    /// <summary>How many there are.</summary>
    public int Count => _ends.IsEmpty ? 1 : _ends.Length;

    /// <summary>One of them.</summary>
    public ReadOnlySpan<byte> this[int index] => _ends.IsEmpty ? _bytes : _bytes[(index == 0 ? 0 : _ends[index - 1]).._ends[index]];

    /// <summary>Those of a plain path (<see cref="HttpPath.IsPlain"/>), or of one that nobody asks for.</summary>
    public static PathReadings Plain(ReadOnlySpan<byte> path) => new(path, default);

    /// <summary>How much room those of a path need.</summary>
    public static int RoomFor(int pathLength) => pathLength * HttpPath.Growth * HttpPath.MostReadings;

    /// <summary>Makes those of a path that is not plain.</summary>
    /// <param name="normal">The path, normalised.</param>
    /// <param name="room">Where to.</param>
    /// <param name="ends">Gets where each ends: <see cref="HttpPath.MostReadings"/>.</param>
    public static PathReadings Of(ReadOnlySpan<byte> normal, Span<byte> room, Span<int> ends)
    {
        int used = 0, count = 0, ways = MostOf(normal);
        for (int first = 0; first == 0 || (first < HttpPath.MostReadings && HttpPath.MayHaveHost(normal)); first += HttpPath.Ways)
        {
            for (int reading = first; reading < first + ways; reading++)
            {
                used += HttpPath.Read(normal, reading, room[used..]);
                ends[count++] = used;
            }
        }

        return new PathReadings(room[..used], ends[..count]);
    }

    // Without a semicolon and codes of slashes, several slashes are all that can be read in two ways, but for a host.
    private static int MostOf(ReadOnlySpan<byte> normal)
    {
        bool isOfManyReadings = normal.Contains((byte)';') || normal.IndexOf("%2F"u8) >= 0 || normal.IndexOf("%5C"u8) >= 0;
        return isOfManyReadings ? HttpPath.Ways : normal.IndexOf("//"u8) >= 0 ? 2 : 1;
    }
}
