using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Culvert.Controller.Nodes;
using Culvert.Controller.Schema;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sharing;

/// <summary>Which nodes are revoked: of two moments for one node the later holds, at all controllers, whoever has said it. Safe for any number of threads.</summary>
internal sealed class SharedRevocations : ISharedPart
{
    private const string Prefix = "revoked-";

    // Of a key of a Secret; names of nodes of a cluster are shorter.
    private const int LongestKey = 253, LongestName = LongestKey - 8;

    private readonly NodeStore _nodes;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private IReadOnlyDictionary<string, DateTimeOffset> _known = ImmutableDictionary<string, DateTimeOffset>.Empty;

    /// <param name="nodes">What is known here; not shorter-lived than this.</param>
    /// <param name="logger">Where it is said what was revoked elsewhere.</param>
    public SharedRevocations(NodeStore nodes, ILogger logger)
    {
        (_nodes, _logger) = (nodes, logger);
        nodes.Changed += OnNodesChanged;
    }

    /// <inheritdoc/>
    public event Action? Changed;

    /// <summary>Takes up what others have revoked; before agents are served, so that none is let in that must not be.</summary>
    /// <exception cref="IOException">It can't be written.</exception>
    public void Take(V1Secret read)
    {
        IReadOnlyDictionary<string, DateTimeOffset> own = _nodes.Revocations();
        foreach ((string node, DateTimeOffset said) in Of(read))
        {
            if (own.TryGetValue(node, out DateTimeOffset known) && known >= said) continue;

            // What this controller has signed before it knew is meant, too: the node may have come here for it. Whoever was let in anew meanwhile has to prove itself once more.
            DateTimeOffset until = _nodes.SignedAt(node) is { } signed && signed > said ? signed : said;
            _nodes.Revoke(node, until);
            SharingLog.Revoked(_logger, node, until);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<KeyValuePair<string, byte[]?>> Exchange(V1Secret read)
    {
        Take(read);
        Dictionary<string, DateTimeOffset> known = Of(read).ToDictionary(r => r.Node, r => r.Until, StringComparer.Ordinal);
        return
        [
            .. _nodes.Revocations().Where(r => r.Key.Length <= LongestName && (!known.TryGetValue(r.Key, out DateTimeOffset until) || until < r.Value))
                .Select(r => KeyValuePair.Create<string, byte[]?>(Prefix + r.Key, Encoding.UTF8.GetBytes(r.Value.ToString("O", CultureInfo.InvariantCulture)))),
        ];
    }

    // It is told of far more often than there is something new.
    private void OnNodesChanged()
    {
        IReadOnlyDictionary<string, DateTimeOffset> now = _nodes.Revocations();
        lock (_lock)
        {
            if (now.Count == _known.Count && now.All(r => _known.TryGetValue(r.Key, out DateTimeOffset until) && until == r.Value)) return;
            _known = now;
        }
        Changed?.Invoke();
    }

    /// <summary>What says nothing readable is none of this one's: another version may have written it.</summary>
    private static IEnumerable<(string Node, DateTimeOffset Until)> Of(V1Secret read)
    {
        foreach ((string key, byte[] value) in read.Data.Where(d => d.Key.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string node = key[Prefix.Length..];
            if (Names.Subdomain(node) is null && DateTimeOffset.TryParseExact(Encoding.UTF8.GetString(value), "O", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTimeOffset until)) yield return (node, until);
        }
    }
}
