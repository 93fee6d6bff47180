using System.Text.Json;

namespace Culvert.Core;

/// <summary>What a token says. Immutable; may be used by many threads.</summary>
public sealed class JwtClaims
{
    private const string ScopeName = "scope";

    // The span of dates that DateTimeOffset has, in seconds.
    private const double Earliest = -62_135_596_800, Latest = 253_402_300_799;

    // What an object in memory is about, of a claim with its name, or of a text.
    private const int WeightOfClaim = 256, WeightOfText = 40;

    private readonly JwtClaim _root;

    private JwtClaims(JwtClaim root, string issuer, string subject, DateTimeOffset notBefore, DateTimeOffset expires)
    {
        (_root, Issuer, Subject, NotBefore, Expires) = (root, issuer, subject, notBefore, expires);
        Weight = WeightOf(root);
        Principal = $"{issuer}/{subject}";
        Audiences = root.Find("aud")?.Values ?? [];
    }

    /// <summary>Who has made it (<c>iss</c>).</summary>
    public string Issuer { get; }

    /// <summary>Of whom it speaks (<c>sub</c>); empty: it does not say.</summary>
    public string Subject { get; }

    /// <summary>Issuer and subject with a slash between them.</summary>
    public string Principal { get; }

    /// <summary>For whom it is meant (<c>aud</c>); empty: it does not say.</summary>
    public IReadOnlyList<string> Audiences { get; }

    /// <summary>From when on it is valid (<c>nbf</c>).</summary>
    public DateTimeOffset NotBefore { get; }

    /// <summary>From when on it is not valid any more (<c>exp</c>); <see cref="DateTimeOffset.MaxValue"/>: it does not say.</summary>
    public DateTimeOffset Expires { get; }

    /// <summary>About how many bytes of memory it takes.</summary>
    internal int Weight { get; }

    /// <summary>A claim by the names that lead to it, from the outside; null: there is none. Allocates nothing.</summary>
    public JwtClaim? Find(EquatableArray<string> path)
    {
        JwtClaim? claim = _root;
        foreach (string name in path) claim = claim?.Find(name);
        return claim;
    }

    /// <summary>A claim by its name, or where there is none of that, by names with dots between them.</summary>
    internal JwtClaim? FindByName(string name) => _root.Find(name) ?? Find(name.Split('.').ToEquatableArray());

    /// <summary>Reads them.</summary>
    /// <param name="root">An object.</param>
    /// <returns>Null when they are not those of a token.</returns>
    internal static JwtClaims? Read(JsonElement root)
    {
        if (ReadClaim("", root) is not { } claims) return null;
        string issuer = "", subject = "";
        if (root.TryGetProperty("iss"u8, out JsonElement iss) && !TryGet(iss, out issuer)) return null;
        if (root.TryGetProperty("sub"u8, out JsonElement sub) && !TryGet(sub, out subject)) return null;
        if (root.TryGetProperty("aud"u8, out JsonElement aud) && !IsAudience(aud)) return null;
        if (!TryGetDate(root, "nbf"u8, DateTimeOffset.MinValue, out DateTimeOffset notBefore) || !TryGetDate(root, "exp"u8, DateTimeOffset.MaxValue, out DateTimeOffset expires)) return null;
        return new JwtClaims(claims, issuer, subject, notBefore, expires);
    }

    private static bool TryGet(JsonElement value, out string text)
    {
        bool isText = StrictJson.TryGetText(value, out string? found);
        text = found ?? "";
        return isText;
    }

    private static bool IsAudience(JsonElement value) => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String) : value.ValueKind == JsonValueKind.String;

    private static bool TryGetDate(JsonElement root, ReadOnlySpan<byte> name, DateTimeOffset otherwise, out DateTimeOffset date)
    {
        date = otherwise;
        if (!root.TryGetProperty(name, out JsonElement value)) return true;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double seconds) || !double.IsFinite(seconds)) return false;
        date = seconds <= Earliest ? DateTimeOffset.MinValue : seconds >= Latest ? DateTimeOffset.MaxValue : DateTimeOffset.UnixEpoch.AddSeconds(seconds);
        return true;
    }

    private static JwtClaim? ReadClaim(string name, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                Dictionary<string, JwtClaim> members = new(StringComparer.Ordinal);
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    if (!StrictJson.TryGetName(member, out string? inner) || ReadClaim(inner, member.Value) is not { } claim) return null;
                    members[inner] = claim;
                }

                return new JwtClaim(members);
            case JsonValueKind.Array:
                List<string> texts = [];
                foreach (JsonElement element in value.EnumerateArray())
                {
                    if (ReadClaim("", element) is not { } claim) return null;
                    if (element.ValueKind != JsonValueKind.Array) texts.AddRange(claim.Values);
                }

                return new JwtClaim([.. texts]) { IsList = true };
            case JsonValueKind.String:
                if (!TryGet(value, out string text)) return null;
                return new JwtClaim(name == ScopeName ? text.Split(' ', StringSplitOptions.RemoveEmptyEntries) : [text]) { Text = text }; // RFC 8693, section 4.2
            case JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False:
                string raw = value.GetRawText();
                return new JwtClaim([raw]) { Text = raw };
            default:
                return new JwtClaim((string[])[]);
        }
    }

    private static int WeightOf(JwtClaim claim) =>
        WeightOfClaim + (sizeof(char) * (claim.Text?.Length ?? 0)) + claim.Values.Sum(v => WeightOfText + (sizeof(char) * v.Length)) + claim.Members.Sum(m => (sizeof(char) * m.Key.Length) + WeightOf(m.Value));
}
