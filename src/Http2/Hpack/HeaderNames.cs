namespace Culvert.Http2.Hpack;

/// <summary>
/// Small numbers for header names the protocol cares about: the first index in the static table, or 62 and up for names that are not in it. 0 means any other name.
/// </summary>
internal static class HeaderNames
{
    public const byte Other = 0;
    public const byte Authority = 1;
    public const byte Method = 2;
    public const byte Path = 4;
    public const byte Scheme = 6;
    public const byte Status = 8;
    public const byte ContentLength = 28;
    public const byte Host = 38;
    public const byte TransferEncoding = 57;
    public const byte Protocol = 62;
    public const byte Connection = 63;
    public const byte ProxyConnection = 64;
    public const byte KeepAlive = 65;
    public const byte Upgrade = 66;
    public const byte Te = 67;

    private static readonly byte[][] Names = BuildNames();
    private static readonly byte[] Buckets = new byte[256];
    private static readonly byte[] Chain = new byte[Names.Length];

    static HeaderNames()
    {
        for (var id = Names.Length - 1; id > 0; id--)
        {
            // Only the first of equal names is in the table.
            if (id > 1 && Names[id].AsSpan().SequenceEqual(Names[id - 1])) continue;
            var bucket = Bucket(Names[id]);
            Chain[id] = Buckets[bucket];
            Buckets[bucket] = (byte)id;
        }
    }

    /// <summary>The number of <paramref name="name"/>, or <see cref="Other"/>.</summary>
    public static byte Find(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) return Other;
        for (var id = Buckets[Bucket(name)]; id != 0; id = Chain[id])
        {
            if (name.SequenceEqual(Names[id])) return id;
        }

        return Other;
    }

    private static byte Bucket(ReadOnlySpan<byte> name) =>
        (byte)((name.Length * 31) + (name[0] * 7) + (name[^1] * 13) + (name[name.Length / 2] * 3));

    private static byte[][] BuildNames()
    {
        var names = new byte[68][];
        names[0] = [];
        for (var i = 1; i <= StaticTable.Count; i++) names[i] = StaticTable.Name(i).ToArray();
        names[Protocol] = ":protocol"u8.ToArray();
        names[Connection] = "connection"u8.ToArray();
        names[ProxyConnection] = "proxy-connection"u8.ToArray();
        names[KeepAlive] = "keep-alive"u8.ToArray();
        names[Upgrade] = "upgrade"u8.ToArray();
        names[Te] = "te"u8.ToArray();
        return names;
    }
}
