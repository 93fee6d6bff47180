using System.Collections.Immutable;

namespace Culvert.Controller.Progress;

/// <summary>How far an object has come among the nodes that have workloads of the mesh. Immutable.</summary>
/// <param name="All">How many these are.</param>
/// <param name="Late">Those of them that do not have it in force, by name.</param>
internal sealed record Spread(int All, ImmutableArray<LateNode> Late)
{
    /// <summary>Of an object that is in no world that was published yet.</summary>
    public static readonly Spread NotPublished = new(-1, []);

    /// <summary>What the text begins with where it is in force at all.</summary>
    public const string InForce = "in force";

    // Who reads it looks at some of them first.
    private const int MostNamed = 5;

    /// <summary>How many of them have it in force.</summary>
    public int Having => All - Late.Length;

    /// <summary>Whether all have it.</summary>
    public bool IsWhole => All >= 0 && Late.IsEmpty;

    /// <summary>Says it, as a condition's message.</summary>
    public string Text()
    {
        if (All < 0) return "not yet told to nodes";
        if (All == 0) return $"{InForce}; no node has workloads of the mesh";
        if (IsWhole) return All == 1 ? $"{InForce} on the 1 node that has workloads of the mesh" : $"{InForce} on all {All} nodes that have workloads of the mesh";
        string named = string.Join(", ", Late.Take(MostNamed).Select(n => n.Reason.Length == 0 ? n.Name : $"{n.Name} ({n.Reason})"));
        string more = Late.Length > MostNamed ? $" and {Late.Length - MostNamed} more" : "";
        return $"{InForce} on {Having} of {All} nodes that have workloads of the mesh; not yet on {named}{more}";
    }
}

/// <summary>A node that does not have an object yet.</summary>
/// <param name="Name">The node.</param>
/// <param name="Reason">Why, for people; empty: it was told, or is about to be.</param>
internal readonly record struct LateNode(string Name, string Reason);
