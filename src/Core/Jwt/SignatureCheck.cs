namespace Culvert.Core;

/// <summary>
/// Compares the signature of one token with keys: with each once, and with so many at most, whatever number of rules names them. Requests are looked at where connections of others wait.
/// </summary>
/// <param name="token">The token.</param>
/// <param name="jwt">The same, taken apart.</param>
internal readonly ref struct SignatureCheck(ReadOnlySpan<byte> token, ReadJwt jwt)
{
    /// <summary>Most keys that a signature is compared with.</summary>
    internal const int MostTries = 8;

    private readonly ReadOnlySpan<byte> _token = token;
    private readonly List<(EquatableArray<byte> Key, bool HasSigned)> _tried = [];

    /// <summary>Compares it with the keys of a rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="algorithm">The token's algorithm.</param>
    internal JwtError By(JwtRule rule, JwtAlgorithm algorithm)
    {
        bool isNamed = false, isTried = false;
        foreach (JwtKey key in rule.Keys.Items.Concat(rule.UriKeys.Items))
        {
            if (jwt.KeyId is not null && key.KeyId is not null && key.KeyId != jwt.KeyId) continue;
            isNamed = true;
            if (!key.Algorithms.AsSpan().Contains(algorithm)) continue;
            isTried = true;
            if (Try(key, algorithm) is not { } hasSigned) return JwtError.UnknownKey;
            if (hasSigned) return JwtError.None;
        }

        return isTried ? JwtError.BadSignature : isNamed ? JwtError.WrongAlgorithm : JwtError.UnknownKey;
    }

    // Null: there were too many already.
    private bool? Try(JwtKey key, JwtAlgorithm algorithm)
    {
        foreach ((EquatableArray<byte> tried, bool hasSigned) in _tried)
        {
            if (tried == key.PublicKey) return hasSigned;
        }

        if (_tried.Count == MostTries) return null;
        bool isRight = key.HasSigned(algorithm, _token[..jwt.SignedLength], jwt.Signature);
        _tried.Add((key.PublicKey, isRight));
        return isRight;
    }
}
