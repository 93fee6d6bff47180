using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// Counts how many workloads nodes are told of as members of peer groups, and whose policies that is for: of the first namespace by name that names a group. Every node is told of each. Not thread-safe.
/// </summary>
/// <param name="userOf">The first namespace that names a group; null: none does any more.</param>
internal sealed class PeerMemberships(Func<string, string?> userOf)
{
    private readonly Dictionary<string, (long Members, string User)> _groups = new(StringComparer.Ordinal);
    private readonly NamespaceShares _shares = new(NamespaceLimits.MostMemberships, NamespaceLimits.MostMemberships);

    /// <summary>The namespaces whose policies have too many members.</summary>
    public IEnumerable<string> Over => _shares.Over;

    /// <summary>Takes up that a workload is told to be a member of other groups.</summary>
    public void Replace(EquatableArray<string> before, EquatableArray<string> after)
    {
        if (before == after) return;
        foreach (string group in after.Except(before, StringComparer.Ordinal)) Change(group, 1);
        foreach (string group in before.Except(after, StringComparer.Ordinal)) Change(group, -1);
    }

    private void Change(string group, int by)
    {
        (long members, string? user) = _groups.GetValueOrDefault(group);
        if (user is not null) _shares.Change(user, -members);
        members += by;
        if (members == 0)
        {
            _groups.Remove(group);
            return;
        }
        user = userOf(group) ?? user!;
        _groups[group] = (members, user);
        _shares.Change(user, members);
    }
}
