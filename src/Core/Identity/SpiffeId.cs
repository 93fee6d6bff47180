using System.Diagnostics.CodeAnalysis;

namespace Culvert.Core;

/// <summary>A SPIFFE identity, parsed strictly as the SPIFFE ID specification (section 2) demands.</summary>
/// <remarks>Immutable and safe for any number of threads. Compared ordinally by its whole text.</remarks>
public sealed class SpiffeId : IEquatable<SpiffeId>
{
    /// <summary>The scheme with its separator.</summary>
    public const string SchemePrefix = "spiffe://";

    /// <summary>Longest identity accepted, in bytes (all characters are ASCII).</summary>
    public const int MaxLength = 2048;

    /// <summary>Longest trust domain accepted, in bytes.</summary>
    public const int MaxTrustDomainLength = 255;

    /// <summary>Path of the controller's identity.</summary>
    public const string ControllerPath = "/culvert/controller";

    private const string OwnPath = "/culvert", SpirePath = "/spire";

    private readonly string _text;

    private SpiffeId(string text, string trustDomain, string path)
    {
        _text = text;
        TrustDomain = trustDomain;
        Path = path;
        string[] parts = path.Split('/');
        if (parts is ["", "ns", var ns, "sa", var sa]) (Namespace, ServiceAccount) = (ns, sa);
        if (parts is ["", "culvert", "node", var node]) Node = node;
    }

    /// <summary>The trust domain, lower case, without scheme.</summary>
    public string TrustDomain { get; }

    /// <summary>The path with its leading slash, or empty for a trust domain's own identity.</summary>
    public string Path { get; }

    /// <summary>The namespace when the path is <c>/ns/NAMESPACE/sa/ACCOUNT</c>, else null.</summary>
    public string? Namespace { get; }

    /// <summary>The service account when the path is <c>/ns/NAMESPACE/sa/ACCOUNT</c>, else null.</summary>
    public string? ServiceAccount { get; }

    /// <summary>The node when the path is that of its agent, <c>/culvert/node/NAME</c>, else null.</summary>
    public string? Node { get; }

    /// <summary>
    /// Whether the identity is one of the mesh's own parts (below <c>/culvert</c>: a node's agent, the controller). Such an identity speaks to the
    /// controller and to agents, and is never a workload's.
    /// </summary>
    public bool IsOwn => IsBelow(OwnPath);

    /// <summary>Whether the identity is one of SPIRE's own parts (below <c>/spire</c>: its server, an agent), which SPIRE gives to no workload.</summary>
    public bool IsSpires => IsBelow(SpirePath);

    /// <summary>The default identity of a workload: <c>spiffe://TD/ns/NAMESPACE/sa/ACCOUNT</c>.</summary>
    /// <exception cref="FormatException">A part holds characters that SPIFFE does not allow.</exception>
    public static SpiffeId ForServiceAccount(string trustDomain, string ns, string serviceAccount) =>
        Parse($"{SchemePrefix}{trustDomain}/ns/{ns}/sa/{serviceAccount}");

    /// <summary>The identity of a node's agent: <c>spiffe://TD/culvert/node/NAME</c>.</summary>
    /// <exception cref="FormatException">A part holds characters that SPIFFE does not allow.</exception>
    public static SpiffeId ForNode(string trustDomain, string node) =>
        Parse($"{SchemePrefix}{trustDomain}/culvert/node/{node}");

    /// <summary>The identity of the controller: <c>spiffe://TD/culvert/controller</c>.</summary>
    /// <exception cref="FormatException">The trust domain holds characters that SPIFFE does not allow.</exception>
    public static SpiffeId ForController(string trustDomain) => Parse($"{SchemePrefix}{trustDomain}{ControllerPath}");

    /// <summary>Parses an identity.</summary>
    /// <exception cref="FormatException">The text is not a valid SPIFFE ID; the message says why.</exception>
    public static SpiffeId Parse(string text) =>
        TryParse(text, out SpiffeId? id, out string? error) ? id : throw new FormatException(error);

    /// <summary>Parses an identity; false when it is not valid.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SpiffeId? id) => TryParse(text, out id, out _);

    /// <summary>Parses an identity; on failure <paramref name="error"/> says why.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out SpiffeId? id, [NotNullWhen(false)] out string? error)
    {
        id = null;
        error = Check(text, out int pathStart);
        if (error is not null) return false;
        id = new SpiffeId(text!, text![SchemePrefix.Length..pathStart], text[pathStart..]);
        return true;
    }

    /// <summary>Says why a trust domain is not valid, or null when it is.</summary>
    public static string? CheckTrustDomain(ReadOnlySpan<char> trustDomain)
    {
        if (trustDomain.IsEmpty) return "the trust domain is empty";
        if (trustDomain.Length > MaxTrustDomainLength) return $"the trust domain is longer than {MaxTrustDomainLength} characters";
        foreach (char c in trustDomain)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('.' or '-' or '_'))
                return $"the trust domain holds '{c}'; lower-case letters, digits, '.', '-' and '_' are allowed";
        }
        return null;
    }

    /// <inheritdoc/>
    public bool Equals(SpiffeId? other) => other is not null && string.Equals(_text, other._text, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SpiffeId);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>The whole identity, beginning with <c>spiffe://</c>.</summary>
    public override string ToString() => _text;

    /// <summary>Ordinal equality; null equals null only.</summary>
    public static bool operator ==(SpiffeId? left, SpiffeId? right) => left is null ? right is null : left.Equals(right);

    /// <summary>Ordinal inequality.</summary>
    public static bool operator !=(SpiffeId? left, SpiffeId? right) => !(left == right);

    private bool IsBelow(string path) => Path.StartsWith(path, StringComparison.Ordinal) && (Path.Length == path.Length || Path[path.Length] == '/');

    private static string? Check(string? text, out int pathStart)
    {
        pathStart = 0;
        if (string.IsNullOrEmpty(text)) return "a SPIFFE ID must not be empty";
        if (text.Length > MaxLength) return $"a SPIFFE ID is at most {MaxLength} characters long";
        if (!text.StartsWith(SchemePrefix, StringComparison.Ordinal)) return $"'{text}' does not begin with {SchemePrefix}";
        pathStart = text.IndexOf('/', SchemePrefix.Length);
        if (pathStart < 0) pathStart = text.Length;
        string? error = CheckTrustDomain(text.AsSpan(SchemePrefix.Length, pathStart - SchemePrefix.Length)) ?? CheckPath(text.AsSpan(pathStart));
        return error is null ? null : $"'{text}': {error}";
    }

    private static string? CheckPath(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty) return null;
        foreach (Range range in path[1..].Split('/'))
        {
            ReadOnlySpan<char> segment = path[1..][range];
            if (segment.IsEmpty) return "the path holds an empty segment";
            if (segment is "." or "..") return "the path holds a '.' or '..' segment";
            foreach (char c in segment)
            {
                if (!char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_'))
                    return $"the path holds '{c}'; letters, digits, '.', '-' and '_' are allowed";
            }
        }
        return null;
    }
}
