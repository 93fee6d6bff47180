using System.Globalization;
using Culvert.Controller.Files;

namespace Culvert.Controller.Nodes;

/// <summary>
/// Which nodes have certificates and whose are revoked: one file for each, in a folder, so that a command beside the running controller can revoke.
/// </summary>
/// <remarks>Safe for any number of threads and processes.</remarks>
public sealed class NodeStore
{
    internal const string RevokedSuffix = ".revoked";
    private const string IssuedSuffix = ".issued";
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly SpareFiles _spare;

    /// <summary>Opens the store in a folder; makes it when it is not there.</summary>
    /// <exception cref="IOException">The folder is open to others, or can't be made.</exception>
    public NodeStore(string folder, TimeProvider time)
    {
        (_folder, _time) = (folder, time);
        PrivateFiles.EnsureFolder(folder);
        _spare = new SpareFiles(folder);
    }

    /// <summary>Raised when revocations may have changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Refuses, from now on, every certificate that was made for a node until now. The caller voids its join tokens.</summary>
    /// <exception cref="ArgumentException">The node's name is not a DNS name.</exception>
    /// <exception cref="IOException">It can't be written: nothing is revoked.</exception>
    public void Revoke(string node) => Revoke(node, _time.GetUtcNow());

    /// <summary>Refuses every certificate that was made for a node until a moment, unless a later one is known already, or what is there can't be read, which refuses all.</summary>
    /// <exception cref="ArgumentException">The node's name is not a DNS name.</exception>
    /// <exception cref="IOException">It can't be written: nothing is revoked.</exception>
    internal void Revoke(string node, DateTimeOffset until)
    {
        if (RevokedAt(node) >= until) return;
        _spare.Write(PathOf(node, RevokedSuffix), Text(until));
        NotifyChanged();
    }

    /// <summary>When the newest certificate of a node was signed here; null: not known.</summary>
    internal DateTimeOffset? SignedAt(string node) => Read(PathOf(node, IssuedSuffix), unreadable: null, line: 1);

    /// <summary>Until when certificates are refused, by node; a file that says nothing readable is left out.</summary>
    internal IReadOnlyDictionary<string, DateTimeOffset> Revocations() =>
        NamesOf(RevokedSuffix).Select(n => (Node: n, At: RevokedAt(n))).Where(r => r.At is { } at && at != DateTimeOffset.MaxValue).ToDictionary(r => r.Node, r => r.At!.Value, StringComparer.Ordinal);

    /// <summary>Until when certificates of a node are refused; null: none are. A file that says nothing readable refuses all.</summary>
    public DateTimeOffset? RevokedAt(string node) => Schema.Names.Subdomain(node) is null ? Read(PathOf(node, RevokedSuffix), unreadable: DateTimeOffset.MaxValue) : DateTimeOffset.MaxValue;

    /// <summary>Notes when the newest certificate of a node was signed, until when it is valid, and by what it and the one before are known.</summary>
    /// <param name="node">The node.</param>
    /// <param name="signed">When it was signed.</param>
    /// <param name="notAfter">When it ends.</param>
    /// <param name="fingerprints">Of it, and of the one that it was asked for with: the answer may be lost, and that one is shown again then.</param>
    /// <exception cref="IOException">It can't be written.</exception>
    public void NoteIssued(string node, DateTimeOffset signed, DateTimeOffset notAfter, params IEnumerable<string> fingerprints) =>
        PrivateFiles.Write(PathOf(node, IssuedSuffix), $"{Text(notAfter)}{Text(signed)}{string.Join(' ', fingerprints)}\n");

    /// <summary>Whether a certificate is the newest that was signed for a node, or the one before. One that can't be read of is not known.</summary>
    public bool IsKnown(string node, string fingerprint) => Fingerprints(node).Contains(fingerprint, StringComparer.Ordinal);

    /// <summary>The names of the nodes that a certificate is known to have been made for.</summary>
    public IReadOnlyCollection<string> Names() => [.. NamesOf(IssuedSuffix)];

    /// <summary>Every node that there is something about, by name.</summary>
    public IReadOnlyList<NodeRecord> List() =>
    [
        .. NamesOf(RevokedSuffix).Concat(NamesOf(IssuedSuffix)).Distinct().Order(StringComparer.Ordinal)
            .Select(n => new NodeRecord(n, Read(PathOf(n, IssuedSuffix), unreadable: null), RevokedAt(n), Read(PathOf(n, IssuedSuffix), unreadable: null, line: 1), Fingerprints(n).Length > 0)),
    ];

    private IEnumerable<string> NamesOf(string suffix) => Directory.EnumerateFiles(_folder, "*" + suffix).Select(f => Path.GetFileName(f)[..^suffix.Length]);

    /// <summary>Keeps room for revocations on a disk that gets full.</summary>
    /// <exception cref="IOException">There is none to be kept.</exception>
    internal void KeepRoom() => _spare.Fill();

    internal void NotifyChanged() => Changed?.Invoke();

    private static string Text(DateTimeOffset moment) => moment.ToString("O", CultureInfo.InvariantCulture) + "\n";

    private string[] Fingerprints(string node)
    {
        try
        {
            return Lines(PathOf(node, IssuedSuffix)).ElementAtOrDefault(2)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private static string[] Lines(string path) => File.Exists(path) ? PrivateFiles.Read(path).TrimEnd('\n').Split('\n') : [];

    /// <summary>A moment in a line of a file; null: no file, or it has no such line, as those of controllers that noted the end only.</summary>
    private static DateTimeOffset? Read(string path, DateTimeOffset? unreadable, int line = 0)
    {
        try
        {
            string[] lines = Lines(path);
            if (line >= lines.Length) return null;
            return DateTimeOffset.TryParseExact(lines[line], "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset moment) ? moment : unreadable;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return unreadable;
        }
    }

    private string PathOf(string node, string suffix) =>
        Schema.Names.Subdomain(node) is { } error ? throw new ArgumentException(error, nameof(node)) : Path.Combine(_folder, node + suffix);
}
