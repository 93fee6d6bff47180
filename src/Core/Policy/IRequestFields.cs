namespace Culvert.Core;

/// <summary>The header lines of a request, in the form in which whoever decides about it has them.</summary>
public interface IRequestFields
{
    /// <summary>How many there are.</summary>
    int Count { get; }

    /// <summary>One of them; valid while the request is.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="name">Its name, in lower case.</param>
    /// <param name="value">Its value.</param>
    void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
}
