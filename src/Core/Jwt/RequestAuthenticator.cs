using System.Collections.Immutable;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// Finds the token of a request and says whether it is good, by the objects that select the workload. A request without a token passes, for policy to decide; one with several is refused. Immutable; may be used by many threads.
/// </summary>
public sealed class RequestAuthenticator : IEquatable<RequestAuthenticator>
{
    // Of the whole agent, so that it is bounded whatever objects there are.
    private static readonly JwtMemory Known = new();

    private static readonly byte[] PathName = ":path"u8.ToArray();

    private readonly ImmutableArray<RequestAuthenticationInfo> _objects;
    private readonly JwtHeader[] _headers;
    private readonly string[] _parameters;
    private readonly HeaderNames _claims;
    private readonly HeaderNames _tokens;

    /// <summary>Makes one.</summary>
    /// <param name="objects">What selects the workload.</param>
    public RequestAuthenticator(IEnumerable<RequestAuthenticationInfo> objects)
    {
        _objects = [.. objects];
        JwtRule[] rules = [.. _objects.SelectMany(o => o.Rules)];
        _headers = [.. rules.SelectMany(r => r.Headers).Distinct().OrderByDescending(h => h.Prefix.Length)]; // what says more counts first
        _parameters = [.. rules.SelectMany(r => r.Parameters).Distinct(StringComparer.Ordinal)];
        _claims = new HeaderNames(rules.SelectMany(r => r.ClaimHeaders).Select(h => h.Header));
        _tokens = new HeaderNames(_headers.Select(h => h.Name).Where(HeaderNames.HasOtherSpellings)); // others have no other spelling
    }

    /// <summary>Forgets tokens that were good by objects that are no longer in force, and remembers none by such. Thread-safe.</summary>
    /// <param name="inForce">All that are, as the same instances that requests are asked about by.</param>
    public static void KeepTokensOf(IEnumerable<RequestAuthenticationInfo> inForce) => Known.Keep(inForce);

    /// <summary>The objects.</summary>
    public IEnumerable<RequestAuthenticationInfo> Objects => _objects;

    /// <summary>Whether what a client sends by a name, in lower case, is removed: applications take it for one in which they get claims, or for another in which tokens stand.</summary>
    public bool IsTakenAway(ReadOnlySpan<byte> name) => _claims.Has(name) || (_tokens.Has(name) && !IsHeaderOfTokens(name));

    /// <summary>Of a workload; null: no object selects it.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static RequestAuthenticator? Of(NodeSnapshot snapshot, WorkloadInfo workload)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(workload);
        return workload.RequestAuthenticationNames.IsEmpty ? null
            : new RequestAuthenticator(workload.RequestAuthenticationNames.Select(n => snapshot.RequestAuthentications.GetValueOrDefault(n)).OfType<RequestAuthenticationInfo>());
    }

    /// <summary>Whether another asks for the same, be it with other keys: what has passed one has not to be asked about anew for the other.</summary>
    public bool Equals(RequestAuthenticator? other) =>
        other is not null && (_objects.SequenceEqual(other._objects) || (_objects.Length == other._objects.Length && _objects.Zip(other._objects).All(p => p.First.Name == p.Second.Name && IsSameButForKeys(p.First, p.Second))));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as RequestAuthenticator);

    /// <inheritdoc/>
    public override int GetHashCode() => _objects.Length;

    /// <summary>Looks for the token of a request. Allocates nothing where there is none, or one that is known.</summary>
    /// <param name="fields">The request's fields, with its path as <c>:path</c>.</param>
    /// <param name="now">The time; null: tokens whose time is over are taken, as for requests that have passed before.</param>
    public JwtCheck Check(IRequestFields fields, DateTimeOffset? now)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return TryFind(fields, out TokenPlace place) switch
        {
            0 => default,
            1 => Check(fields, place, now),
            _ => new JwtCheck(JwtError.SeveralTokens),
        };
    }

    /// <summary>Whether a header of that name, in lower case, is one in which tokens stand.</summary>
    public bool IsHeaderOfTokens(ReadOnlySpan<byte> name)
    {
        foreach (JwtHeader header in _headers)
        {
            if (Ascii.Equals(name, header.Name)) return true;
        }

        return false;
    }

    /// <summary>Where the token of a request stands that the application is not to get.</summary>
    /// <param name="fields">The request's fields.</param>
    /// <param name="token">Its token, as it was found to be good.</param>
    /// <param name="place">Where it stands.</param>
    /// <returns>False when there is none to be removed.</returns>
    public bool TryFindHidden(IRequestFields fields, VerifiedJwt? token, out TokenPlace place)
    {
        place = default;
        return token is { Rule.ForwardsToken: false } && TryFind(fields, out place) == 1;
    }

    private static bool IsSameButForKeys(RequestAuthenticationInfo one, RequestAuthenticationInfo other) =>
        one.Rules.Count == other.Rules.Count && one.Rules.Items.Zip(other.Rules.Items).All(p => p.First.IsSameButForKeys(p.Second));

    // How many tokens there are; 2 for more. One that stands where two rules look for it is one.
    private int TryFind(IRequestFields fields, out TokenPlace place)
    {
        place = default;
        int count = 0;
        for (int i = 0; i < fields.Count && count < 2; i++)
        {
            fields.Get(i, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
            if (_parameters.Length > 0 && name.SequenceEqual(PathName)) count += FindInQuery(i, value, ref place);
            else if (FindInHeader(i, name, value, ref place)) count++;
        }

        return count;
    }

    private bool FindInHeader(int index, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref TokenPlace place)
    {
        foreach (JwtHeader header in _headers)
        {
            if (!Ascii.Equals(name, header.Name) || !BeginsWith(value, header.Prefix)) continue;
            ReadOnlySpan<byte> rest = value[header.Prefix.Length..];
            int start = value.Length - rest.TrimStart(" \t"u8).Length;
            place = new TokenPlace(index, header.Name, IsParameter: false, start, value[start..].TrimEnd(" \t"u8).Length);
            return true;
        }

        return false;
    }

    // Many servers take a tab for the space behind "Bearer", though no sender should write one (RFC 9110, section 11.4).
    private static bool BeginsWith(ReadOnlySpan<byte> value, string prefix)
    {
        if (value.Length < prefix.Length) return false;
        bool hasTab = prefix.EndsWith(' ') && value[prefix.Length - 1] == '\t';
        int length = hasTab ? prefix.Length - 1 : prefix.Length;
        return Ascii.EqualsIgnoreCase(value[..length], prefix.AsSpan(0, length));
    }

    private int FindInQuery(int index, ReadOnlySpan<byte> target, ref TokenPlace place)
    {
        int count = 0, at = 0;
        while (QueryParameters.TryNext(target, ref at, out Range parameter, out Range value))
        {
            foreach (string name in _parameters)
            {
                if (!QueryParameters.IsNamed(target[parameter], name)) continue;
                (int start, int length) = value.GetOffsetAndLength(target.Length);
                place = new TokenPlace(index, name, IsParameter: true, start, length);
                count++;
                break;
            }
        }

        return count;
    }

    private JwtCheck Check(IRequestFields fields, in TokenPlace place, DateTimeOffset? now)
    {
        fields.Get(place.Field, out _, out ReadOnlySpan<byte> value);
        ReadOnlySpan<byte> token = value.Slice(place.Start, place.Length);
        if (token.Length > JwtReader.MostBytes) return new JwtCheck(JwtError.TooLong);
        JwtMemory.TokenHash hash = JwtMemory.HashOf(token);
        foreach (RequestAuthenticationInfo source in _objects)
        {
            if (Known.Find(hash, source) is { } known && LooksAt(known.Rule, place)) return CheckTime(source, known, now);
        }

        JwtError error = JwtReader.TryRead(token, out ReadJwt? jwt);
        return error != JwtError.None ? new JwtCheck(error) : Verify(hash, new SignatureCheck(token, jwt!), jwt!, place, now);
    }

    private JwtCheck Verify(in JwtMemory.TokenHash hash, SignatureCheck signature, ReadJwt jwt, in TokenPlace place, DateTimeOffset? now)
    {
        JwtCheck last = new(JwtError.UnknownIssuer);
        foreach (RequestAuthenticationInfo source in _objects)
        {
            foreach (JwtRule rule in source.Rules)
            {
                if (rule.Issuer != jwt.Claims.Issuer || !LooksAt(rule, place)) continue;
                JwtError error = Verify(signature, jwt, rule);
                if (error == JwtError.None)
                {
                    VerifiedJwt verified = new(rule, jwt.Claims);
                    Known.Add(hash, source, verified);
                    return CheckTime(source, verified, now);
                }

                last = new JwtCheck(error, null, rule.Issuer, source.Name);
            }
        }

        return last;
    }

    private static JwtError Verify(SignatureCheck signature, ReadJwt jwt, JwtRule rule)
    {
        if (!rule.HasKeys) return JwtError.NoKeys;
        if (jwt.Algorithm is not { } algorithm || (!rule.Algorithms.IsEmpty && !rule.Algorithms.AsSpan().Contains(algorithm))) return JwtError.WrongAlgorithm;
        JwtError error = signature.By(rule, algorithm);
        return error == JwtError.None ? CheckAudience(jwt, rule) : error;
    }

    private static JwtError CheckAudience(ReadJwt jwt, JwtRule rule)
    {
        if (rule.Audiences.IsEmpty) return JwtError.None;
        foreach (string audience in jwt.Claims.Audiences)
        {
            if (rule.Audiences.AsSpan().Contains(audience)) return JwtError.None;
        }

        return JwtError.WrongAudience;
    }

    private static JwtCheck CheckTime(RequestAuthenticationInfo source, VerifiedJwt token, DateTimeOffset? now)
    {
        JwtError error = now is { } time ? token.CheckTime(time) : JwtError.None;
        return new JwtCheck(error, error == JwtError.None ? token : null, token.Rule.Issuer, source.Name);
    }

    private static bool LooksAt(JwtRule rule, in TokenPlace place)
    {
        if (place.IsParameter) return rule.Parameters.AsSpan().Contains(place.Name);
        foreach (JwtHeader header in rule.Headers)
        {
            if (header.Name == place.Name) return true;
        }

        return false;
    }
}
