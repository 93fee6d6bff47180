namespace Culvert.Http2.Capsules;

/// <summary>Keeps the pieces of one capsule until the last one comes.</summary>
public interface ICapsuleStore
{
    /// <summary>Keeps a copy of a piece behind the others. False when there is no room for all of it; <see cref="Clear"/> comes next then.</summary>
    bool TryKeep(ReadOnlySpan<byte> piece);

    /// <summary>Puts the pieces together; nothing is kept any more.</summary>
    /// <param name="last">The last one.</param>
    /// <returns>All of them, valid until the store is used again.</returns>
    ReadOnlySpan<byte> Join(ReadOnlySpan<byte> last);

    /// <summary>Forgets the pieces.</summary>
    void Clear();
}
