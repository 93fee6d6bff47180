using Culvert.Labs;

namespace Culvert.Datapath.Tests.Live;

/// <summary>A table of nftables on a node, as somebody else's rules, until it is disposed.</summary>
/// <param name="node">The node.</param>
/// <param name="name">Family and name.</param>
internal sealed class NodeTable(LabNode node, string name) : IAsyncDisposable
{
    /// <summary>Makes one.</summary>
    /// <param name="node">The node.</param>
    /// <param name="name">Family and name.</param>
    /// <param name="script">Commands for the shell that fill it.</param>
    internal static async Task<NodeTable> AddAsync(LabNode node, string name, string script)
    {
        await node.ScriptAsync($"nft add table {name}\n{script}");
        return new NodeTable(node, name);
    }

    /// <summary>The table as nft lists it, with its counters.</summary>
    internal Task<string> ListAsync() => node.ScriptAsync($"nft list table {name}");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await node.ScriptAsync($"nft delete table {name}");
}
