namespace Culvert.Core;

/// <summary>Where copies of a rule's requests go, whose responses nobody sees.</summary>
/// <param name="Service">The Service.</param>
/// <param name="Port">The Service's port.</param>
/// <param name="Numerator">Of how many requests, of <paramref name="Denominator"/>; not more than that.</param>
/// <param name="Denominator">1 or more.</param>
public sealed record HttpRouteMirror(NamespacedName Service, ushort Port, int Numerator = HttpRouteMirror.Percent, int Denominator = HttpRouteMirror.Percent)
{
    /// <summary>The denominator where nothing is said.</summary>
    public const int Percent = 100;

    /// <summary>Most mirrors of one rule: each costs a request of its own.</summary>
    public const int MostOfRule = 8;

    /// <summary>Whether a request is copied.</summary>
    /// <param name="random">Draws.</param>
    public bool IsDrawn(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return Numerator >= Denominator || random.Next(Denominator) < Numerator;
    }
}
