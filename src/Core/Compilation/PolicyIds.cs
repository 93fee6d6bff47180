namespace Culvert.Core;

/// <summary>The numbers that compiled policy uses; an agent keeps one for its life and saves it, so that pinned kernel maps stay true over a restart.</summary>
/// <remarks>Safe for any number of threads.</remarks>
public sealed class PolicyIds
{
    private const string Separator = "--\n";

    /// <summary>Numbers of peer classes.</summary>
    public IdAllocator Classes { get; private init; } = new();

    /// <summary>Numbers of policy sets, of both directions.</summary>
    public IdAllocator PolicySets { get; private init; } = new();

    /// <summary>Numbers of policy rules.</summary>
    public IdAllocator Rules { get; private init; } = new();

    /// <summary>Numbers that begin at random places, so that hardly any of them was ever given out before.</summary>
    public static PolicyIds Elsewhere(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return new() { Classes = new IdAllocator(Start()), PolicySets = new IdAllocator(Start()), Rules = new IdAllocator(Start()) };

        // The lower half of the numbers: the other half is room for more than a mesh will ever name.
        uint Start() => (uint)random.Next(1 << 30);
    }

    /// <summary>The highest numbers given out, each with as many more as <paramref name="reserve"/> says.</summary>
    public PolicyIdLimits Limits(uint reserve) => new(Classes.Last + reserve, PolicySets.Last + reserve, Rules.Last + reserve);

    /// <summary>The state as text.</summary>
    /// <param name="reserve">So many numbers more of each kind count as given out to whoever parses it.</param>
    public string Serialize(uint reserve = 0) => Classes.Serialize(reserve) + Separator + PolicySets.Serialize(reserve) + Separator + Rules.Serialize(reserve);

    /// <summary>Reads what <see cref="Serialize"/> wrote.</summary>
    /// <exception cref="FormatException">The text is damaged.</exception>
    public static PolicyIds Parse(string text) => text.Split(Separator) is [var classes, var policySets, var rules]
        ? new() { Classes = IdAllocator.Parse(classes), PolicySets = IdAllocator.Parse(policySets), Rules = IdAllocator.Parse(rules) }
        : throw new FormatException("the state does not hold three tables");
}
