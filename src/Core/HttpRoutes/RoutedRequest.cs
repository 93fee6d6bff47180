namespace Culvert.Core;

/// <summary>What routes see of a request; valid while the request is.</summary>
/// <param name="method">The method.</param>
/// <param name="target">The path, normalised (<see cref="HttpPath.TryNormalize"/>), with the query behind it.</param>
/// <param name="fields">The header lines.</param>
public readonly ref struct RoutedRequest(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, IRequestFields fields)
{
    private readonly IRequestFields _fields = fields;

    /// <summary>The method.</summary>
    public ReadOnlySpan<byte> Method { get; } = method;

    /// <summary>The path, without the query.</summary>
    public ReadOnlySpan<byte> Path { get; } = target.IndexOf((byte)'?') is >= 0 and var query ? target[..query] : target;

    /// <summary>The query, without its question mark; empty when there is none.</summary>
    public ReadOnlySpan<byte> Query { get; } = target.IndexOf((byte)'?') is >= 0 and var query ? target[(query + 1)..] : default;

    /// <summary>How many header lines there are.</summary>
    internal int FieldCount => _fields.Count;

    /// <summary>One of the header lines.</summary>
    internal void GetField(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => _fields.Get(index, out name, out value);
}
