using System.Text;

namespace Culvert.Http2.Hpack;

/// <summary>The static table of RFC 7541, appendix A; indices start at 1.</summary>
internal static class StaticTable
{
    public const int Count = 61;

    private const string Source = """
        :authority
        :method|GET
        :method|POST
        :path|/
        :path|/index.html
        :scheme|http
        :scheme|https
        :status|200
        :status|204
        :status|206
        :status|304
        :status|400
        :status|404
        :status|500
        accept-charset
        accept-encoding|gzip, deflate
        accept-language
        accept-ranges
        accept
        access-control-allow-origin
        age
        allow
        authorization
        cache-control
        content-disposition
        content-encoding
        content-language
        content-length
        content-location
        content-range
        content-type
        cookie
        date
        etag
        expect
        expires
        from
        host
        if-match
        if-modified-since
        if-none-match
        if-range
        if-unmodified-since
        last-modified
        link
        location
        max-forwards
        proxy-authenticate
        proxy-authorization
        range
        referer
        refresh
        retry-after
        server
        set-cookie
        strict-transport-security
        transfer-encoding
        user-agent
        vary
        via
        www-authenticate
        """;

    private static readonly byte[][] Names = Column(0);
    private static readonly byte[][] Values = Column(1);

    public static ReadOnlySpan<byte> Name(int index) => Names[index];

    public static ReadOnlySpan<byte> Value(int index) => Values[index];

    /// <summary>The entry with the name at <paramref name="first"/> (its first index) and that value; 0 when there is none.</summary>
    public static int FindValue(int first, ReadOnlySpan<byte> value)
    {
        for (var i = first; i <= Count && (i == first || Names[i].AsSpan().SequenceEqual(Names[first])); i++)
        {
            if (value.SequenceEqual(Values[i])) return i;
        }

        return 0;
    }

    private static byte[][] Column(int column)
    {
        var lines = Source.Split('\n');
        var cells = new byte[lines.Length + 1][];
        cells[0] = [];
        for (var i = 0; i < lines.Length; i++)
        {
            var parts = lines[i].Trim().Split('|');
            cells[i + 1] = Encoding.ASCII.GetBytes(parts.Length > column ? parts[column] : string.Empty);
        }

        return cells;
    }
}
