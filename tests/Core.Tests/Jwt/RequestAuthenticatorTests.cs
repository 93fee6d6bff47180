using System.Security.Cryptography;
using System.Text;
using Culvert.Tests.Shared;

namespace Culvert.Core.Tests;

/// <summary>Which tokens are good, and why others are not.</summary>
[Trait("Category", "Attack")]
public sealed class RequestAuthenticatorTests
{
    private static readonly ECDsa Other = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    [Fact]
    public void A_good_token_is_taken_with_what_it_says()
    {
        JwtCheck check = SomeJwt.Authenticator(SomeJwt.Rule()).Check(SomeJwt.Sign(SomeJwt.Payload("\"groups\":[\"a\",\"b\"],\"n\":7,\"scope\":\"read write\",\"in\":{\"deep\":true}")));
        Assert.Equal((JwtError.None, SomeJwt.Issuer), (check.Error, check.Issuer));
        JwtClaims claims = check.Token!.Claims;
        Assert.Equal($"{SomeJwt.Issuer}/ann", claims.Principal);
        Assert.Equal(["a", "b"], claims.Find(["groups"])!.Values);
        Assert.Equal(["7"], claims.Find(["n"])!.Values);
        Assert.Equal(["read", "write"], claims.Find(["scope"])!.Values);
        Assert.Equal(["true"], claims.Find(["in", "deep"])!.Values);
        Assert.Null(claims.Find(["in", "none"]));
    }

    public static TheoryData<string, JwtError> Bad => new()
    {
        { "", JwtError.Malformed },
        { "a.b", JwtError.Malformed },
        { "a.b.c.d", JwtError.Malformed },
        { new string('a', 8193), JwtError.TooLong },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"none"}"""), JwtError.WrongAlgorithm },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"HS256"}"""), JwtError.WrongAlgorithm },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"es256"}"""), JwtError.WrongAlgorithm },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"RS256"}"""), JwtError.WrongAlgorithm },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"7"}"""), JwtError.WrongAlgorithm },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256","alg":"ES256"}"""), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256","\u0061lg":"ES256"}"""), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256","crit":["exp"]}"""), JwtError.CriticalExtension },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256","kid":"k2"}"""), JwtError.UnknownKey },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256","kid":7}"""), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload(), """{"kid":"k1"}"""), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload("\"aud\":\"shop\"")), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload("\"x\":{\"y\":1,\"y\":2}")), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload("\"x\":\"\\ud800\"")), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload("\"\\ud800\":1")), JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload("\"x\":[[[[[[[[[[1]]]]]]]]]]")), JwtError.Malformed },
        { SomeJwt.Sign("[]"), JwtError.Malformed },
        { SomeJwt.Sign("""{"iss":7}"""), JwtError.Malformed },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","exp":"x"}"""), JwtError.Malformed },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","exp":1e999}"""), JwtError.Malformed },
        { SomeJwt.Sign("""{"sub":"ann"}"""), JwtError.UnknownIssuer },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org/","sub":"ann"}"""), JwtError.UnknownIssuer },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","aud":"others"}"""), JwtError.WrongAudience },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org"}"""), JwtError.WrongAudience },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","aud":"shop","exp":1799999940}"""), JwtError.Expired },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","aud":"shop","exp":-1e300}"""), JwtError.Expired },
        { SomeJwt.Sign("""{"iss":"https://issuer.example.org","aud":"shop","nbf":1800000061}"""), JwtError.NotYetValid },
        { SomeJwt.Sign(SomeJwt.Payload(), key: Other), JwtError.BadSignature },
        { SomeJwt.Sign(SomeJwt.Payload()) + "=", JwtError.Malformed },
        { SomeJwt.Sign(SomeJwt.Payload())[..^6], JwtError.BadSignature },
        { " " + SomeJwt.Sign(SomeJwt.Payload()).Replace(".", ". ", StringComparison.Ordinal), JwtError.Malformed },
    };

    [Theory, MemberData(nameof(Bad), DisableDiscoveryEnumeration = true)]
    public void Others_are_refused_with_the_reason(string token, JwtError error)
    {
        JwtCheck check = SomeJwt.Authenticator(SomeJwt.Rule()).Check(token);
        Assert.Equal(error, check.Error);
        Assert.Null(check.Token);
        Assert.DoesNotContain('"', JwtErrors.Describe(error));
    }

    [Theory]
    [InlineData("""{"iss":"https://issuer.example.org","aud":"shop","exp":1799999941}""")]
    [InlineData("""{"iss":"https://issuer.example.org","aud":["x","shop"],"nbf":1800000060}""")]
    [InlineData("""{"iss":"https://issuer.example.org","aud":"shop"}""")]
    public void Clocks_may_differ_a_little(string payload) => Assert.Equal(JwtError.None, SomeJwt.Authenticator(SomeJwt.Rule()).Check(SomeJwt.Sign(payload)).Error);

    [Fact]
    public void A_token_that_was_taken_is_refused_when_its_time_is_over_and_when_its_key_is_gone()
    {
        string token = SomeJwt.Sign(SomeJwt.Payload());
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule());
        Assert.Equal(JwtError.None, authenticator.Check(token).Error);
        Assert.Equal(JwtError.Expired, authenticator.Check(token, SomeJwt.Now.AddMinutes(12)).Error);
        Assert.Equal(JwtError.None, authenticator.Check(new SomeRequest("GET", "shop", "/", ("authorization", $"Bearer {token}")), now: null).Error);
        Assert.Equal(JwtError.UnknownKey, SomeJwt.Authenticator(SomeJwt.Rule() with { Keys = [SomeJwt.PublicKey(SomeJwt.Key, "k9")] }).Check(token).Error);
        Assert.Equal(JwtError.NoKeys, SomeJwt.Authenticator(SomeJwt.Rule() with { Keys = [] }).Check(token).Error);
    }

    [Fact]
    public void Algorithms_that_are_pinned_are_the_only_ones()
    {
        Assert.Equal(JwtError.WrongAlgorithm, SomeJwt.Authenticator(SomeJwt.Rule() with { Algorithms = [JwtAlgorithm.RS256] }).Check(SomeJwt.Sign(SomeJwt.Payload())).Error);
        Assert.Equal(JwtError.None, SomeJwt.Authenticator(SomeJwt.Rule() with { Algorithms = [JwtAlgorithm.RS256, JwtAlgorithm.ES256] }).Check(SomeJwt.Sign(SomeJwt.Payload())).Error);
    }

    [Fact]
    public void Tokens_stand_where_rules_look_and_nowhere_else()
    {
        string token = SomeJwt.Sign(SomeJwt.Payload());
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule(), SomeJwt.Rule() with { Issuer = "other", Headers = [new("x-jwt", "")], Parameters = ["access_token"] });
        Assert.Equal(JwtError.None, Check(("authorization", $"bearer  {token}")).Error);
        Assert.Null(Check(("authorization", $"Basic {token}")).Token);
        Assert.Equal(default, Check(("authorization", $"Basic {token}")));
        Assert.Equal(JwtError.UnknownIssuer, Check(("x-jwt", token)).Error);
        Assert.Equal(JwtError.UnknownIssuer, Check((":path", $"/a?b=c&access%5ftoken={token}&d")).Error);
        Assert.Equal(JwtError.SeveralTokens, Check(("authorization", $"Bearer {token}"), ("authorization", $"Bearer {token}")).Error);
        Assert.Equal(JwtError.SeveralTokens, Check(("authorization", $"Bearer {token}"), ("x-jwt", "x")).Error);
        Assert.Equal(JwtError.SeveralTokens, Check((":path", "/?access_token=a&access_token=b")).Error);
        Assert.Equal(default, Check((":path", "/access_token=a"), ("cookie", $"access_token={token}")));

        JwtCheck Check(params (string Name, string Value)[] fields) => authenticator.Check(new SomeRequest("GET", "shop", "/", fields), SomeJwt.Now);
    }

    [Fact]
    public void A_token_that_one_place_has_made_known_is_not_taken_at_another()
    {
        string token = SomeJwt.Sign(SomeJwt.Payload());
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule(), SomeJwt.Rule() with { Headers = [new("x-jwt", "")], Keys = [] });
        Assert.Equal(JwtError.None, authenticator.Check(token).Error);
        Assert.Equal(JwtError.NoKeys, authenticator.Check(new SomeRequest("GET", "shop", "/", ("x-jwt", token)), SomeJwt.Now).Error);
    }

    [Fact]
    public void Every_algorithm_is_checked_as_others_sign()
    {
        foreach ((JwtAlgorithm algorithm, ECCurve curve, HashAlgorithmName hash) in new[] { (JwtAlgorithm.ES256, ECCurve.NamedCurves.nistP256, HashAlgorithmName.SHA256), (JwtAlgorithm.ES384, ECCurve.NamedCurves.nistP384, HashAlgorithmName.SHA384), (JwtAlgorithm.ES512, ECCurve.NamedCurves.nistP521, HashAlgorithmName.SHA512) })
        {
            using ECDsa key = ECDsa.Create(curve);
            ECParameters p = key.ExportParameters(false);
            Assert.Equal(JwtError.None, Check(algorithm, $$"""{"kty":"EC","crv":"{{algorithm switch { JwtAlgorithm.ES256 => "P-256", JwtAlgorithm.ES384 => "P-384", _ => "P-521" }}}","x":"{{SomeJwt.Encode(p.Q.X)}}","y":"{{SomeJwt.Encode(p.Q.Y)}}"}""", data => key.SignData(data, hash)));
            Assert.Equal(JwtError.BadSignature, Check(algorithm, $$"""{"kty":"EC","crv":"{{algorithm switch { JwtAlgorithm.ES256 => "P-256", JwtAlgorithm.ES384 => "P-384", _ => "P-521" }}}","x":"{{SomeJwt.Encode(p.Q.X)}}","y":"{{SomeJwt.Encode(p.Q.Y)}}"}""", data => key.SignData(data, hash, DSASignatureFormat.Rfc3279DerSequence)));
        }

        using RSA rsa = RSA.Create(2048);
        RSAParameters r = rsa.ExportParameters(false);
        string jwk = $$"""{"kty":"RSA","n":"{{SomeJwt.Encode(r.Modulus)}}","e":"{{SomeJwt.Encode(r.Exponent)}}"}""";
        foreach ((JwtAlgorithm algorithm, HashAlgorithmName hash) in new[] { (JwtAlgorithm.RS256, HashAlgorithmName.SHA256), (JwtAlgorithm.RS384, HashAlgorithmName.SHA384), (JwtAlgorithm.RS512, HashAlgorithmName.SHA512) })
            Assert.Equal(JwtError.None, Check(algorithm, jwk, data => rsa.SignData(data, hash, RSASignaturePadding.Pkcs1)));
        foreach ((JwtAlgorithm algorithm, HashAlgorithmName hash) in new[] { (JwtAlgorithm.PS256, HashAlgorithmName.SHA256), (JwtAlgorithm.PS384, HashAlgorithmName.SHA384), (JwtAlgorithm.PS512, HashAlgorithmName.SHA512) })
        {
            Assert.Equal(JwtError.None, Check(algorithm, jwk, data => rsa.SignData(data, hash, RSASignaturePadding.Pss)));
            Assert.Equal(JwtError.BadSignature, Check(algorithm, jwk, data => rsa.SignData(data, hash, RSASignaturePadding.Pkcs1)));
        }

        static JwtError Check(JwtAlgorithm algorithm, string jwk, Func<byte[], byte[]> sign)
        {
            Assert.Null(JsonWebKeys.TryRead(Encoding.UTF8.GetBytes($$"""{"keys":[{{jwk}}]}"""), out EquatableArray<JwtKey> keys, out _));
            string signed = $"{SomeJwt.Encode($$"""{"alg":"{{algorithm}}"}""")}.{SomeJwt.Encode(SomeJwt.Payload())}";
            return SomeJwt.Authenticator(SomeJwt.Rule() with { Keys = keys }).Check($"{signed}.{SomeJwt.Encode(sign(Encoding.ASCII.GetBytes(signed)))}").Error;
        }
    }

    [Theory]
    [InlineData( // RFC 7515, appendix A.2
        """{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}""",
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw")]
    [InlineData( // RFC 7515, appendix A.3
        """{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""",
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q")]
    public void The_examples_of_the_standard_are_good(string jwk, string token)
    {
        Assert.Null(JsonWebKeys.TryRead(Encoding.UTF8.GetBytes($$"""{"keys":[{{jwk}}]}"""), out EquatableArray<JwtKey> keys, out _));
        RequestAuthenticator authenticator = SomeJwt.Authenticator(new JwtRule { Issuer = "joe", Keys = keys, Headers = [new("authorization", "Bearer ")] });
        JwtCheck check = authenticator.Check(token, DateTimeOffset.FromUnixTimeSeconds(1300819379));
        Assert.Equal(JwtError.None, check.Error);
        Assert.Equal(["true"], check.Token!.Claims.Find(["http://example.com/is_root"])!.Values);
        Assert.Equal(JwtError.Expired, authenticator.Check(token).Error);
    }

    [Fact]
    public void Nothing_that_is_changed_is_good_and_nothing_throws()
    {
        byte[] token = Encoding.ASCII.GetBytes(SomeJwt.Sign(SomeJwt.Payload("\"a\":[1,{\"b\":null}]")));
        Random random = new(7);
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule());
        for (int round = 0; round < 20_000; round++)
        {
            byte[] changed = [.. token];
            for (int i = random.Next(1, 4); i > 0; i--) changed[random.Next(changed.Length)] = random.Next(4) == 0 ? (byte)random.Next(32, 127) : token[random.Next(token.Length)];
            if (random.Next(8) == 0) changed = changed[..random.Next(changed.Length)];
            if (changed.SequenceEqual(token)) continue;
            Assert.NotEqual(JwtError.None, authenticator.Check(Encoding.ASCII.GetString(changed).Trim(' ')).Error);
        }
    }

    [Fact]
    public void Any_text_in_place_of_header_and_claims_is_read_without_a_fault()
    {
        string[] pieces = ["{", "}", "[", "]", ",", ":", "\"", "\"iss\"", "\"alg\"", "\"exp\"", "\"aud\"", "1e9", "\\u0000", "\\ud8", "null", "\"a\"", "\u00e9", " ", "-", "0.1"];
        Random random = new(8);
        for (int round = 0; round < 20_000; round++)
        {
            string payload = string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => pieces[random.Next(pieces.Length)])), header = random.Next(2) == 0 ? """{"alg":"ES256"}""" : string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => pieces[random.Next(pieces.Length)]));
            JwtError error = JwtReader.TryRead(Encoding.ASCII.GetBytes($"{SomeJwt.Encode(header)}.{SomeJwt.Encode($"{{{payload}}}")}."), out ReadJwt? jwt);
            Assert.Equal(error == JwtError.None, jwt is not null);
        }
    }

    [Fact]
    public void What_is_remembered_is_bounded()
    {
        JwtMemory memory = new();
        RequestAuthenticationInfo by = new() { Name = new("shop", "jwt") };
        VerifiedJwt some = SomeJwt.Authenticator(SomeJwt.Rule()).Check(SomeJwt.Sign(SomeJwt.Payload())).Token!;
        Fill(some, 3 * JwtMemory.MostTokens);
        Assert.InRange(memory.Count, JwtMemory.MostBytes / some.Weight / 2, 2 * JwtMemory.MostTokens);
        Assert.NotNull(memory.Find(JwtMemory.HashOf(Encoding.ASCII.GetBytes($"{(3 * JwtMemory.MostTokens) - 1}")), by));
        Assert.Null(memory.Find(JwtMemory.HashOf("1"u8), by));
        VerifiedJwt large = SomeJwt.Authenticator(SomeJwt.Rule()).Check(SomeJwt.Sign(SomeJwt.Payload(string.Join(',', Enumerable.Range(0, 500).Select(i => $"\"{i}\":{{}}"))))).Token!;
        Assert.True(large.Weight > 500 * 200);
        Fill(large, 2_000);
        Assert.InRange(memory.Count, 1, 2 + (2 * JwtMemory.MostBytes / large.Weight));

        void Fill(VerifiedJwt jwt, int count)
        {
            for (int i = 0; i < count; i++) memory.Add(JwtMemory.HashOf(Encoding.ASCII.GetBytes($"{i}")), by, jwt);
        }
    }

    [Fact]
    public void Tokens_are_forgotten_with_their_objects()
    {
        JwtMemory memory = new();
        RequestAuthenticationInfo one = new() { Name = new("shop", "jwt") }, other = one with { SourceReference = "other" };
        VerifiedJwt some = SomeJwt.Authenticator(SomeJwt.Rule()).Check(SomeJwt.Sign(SomeJwt.Payload())).Token!;
        JwtMemory.TokenHash hash = JwtMemory.HashOf("1"u8);
        memory.Add(hash, one, some);
        memory.Keep([one, other]);
        Assert.NotNull(memory.Find(hash, one));
        memory.Keep([other]);
        Assert.Equal(0, memory.Count);
        memory.Add(hash, one, some); // by a connection that is not done with it
        Assert.Equal(0, memory.Count);
        memory.Add(hash, other, some);
        Assert.NotNull(memory.Find(hash, other));
    }

    [Fact]
    public void What_was_good_by_an_object_is_not_found_for_one_with_other_rules()
    {
        RequestAuthenticationInfo by = new() { Name = new("shop", "jwt"), Rules = [SomeJwt.Rule()] };
        string token = SomeJwt.Sign(SomeJwt.Payload());
        Assert.Equal(JwtError.None, new RequestAuthenticator([by]).Check(token).Error);
        Assert.Equal(JwtError.NoKeys, new RequestAuthenticator([by with { Rules = [SomeJwt.Rule() with { Keys = [] }] }]).Check(token).Error);
    }

    [Fact]
    public void Headers_of_claims_count_too()
    {
        JwtRule rule = SomeJwt.Rule() with { ClaimHeaders = Enumerable.Range(0, 32).Select(i => new ClaimHeader($"x-{i}", "long")).ToEquatableArray() };
        Assert.True(SomeJwt.Authenticator(rule).Check(SomeJwt.Sign(SomeJwt.Payload($"\"long\":\"{new string('a', 5_000)}\""))).Token!.Weight > 32 * 5_000);
    }

    [Theory]
    [InlineData(8, JwtError.None)]
    [InlineData(9, JwtError.UnknownKey)] // more are not tried, whatever the number of rules
    public void A_signature_is_compared_with_few_keys(int right, JwtError error)
    {
        JwtKey[] wrong = [.. Enumerable.Range(1, right - 1).Select(_ => SomeJwt.PublicKey(ECDsa.Create(ECCurve.NamedCurves.nistP256), id: null))];
        string token = SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256"}""");
        Assert.Equal(error, SomeJwt.Authenticator([.. wrong.Append(SomeJwt.PublicKey(SomeJwt.Key)).Select(k => SomeJwt.Rule() with { Keys = [k] })]).Check(token).Error);
        Assert.Equal(error, SomeJwt.Authenticator(SomeJwt.Rule() with { Keys = wrong.ToEquatableArray(), UriKeys = [SomeJwt.PublicKey(SomeJwt.Key)] }).Check(token).Error);
    }

    [Fact]
    public void A_key_that_several_rules_have_is_tried_once()
    {
        JwtRule others = SomeJwt.Rule() with { Keys = [SomeJwt.PublicKey(Other, id: null)] };
        Assert.Equal(JwtError.None, SomeJwt.Authenticator([.. Enumerable.Repeat(others, 20), SomeJwt.Rule()]).Check(SomeJwt.Sign(SomeJwt.Payload(), """{"alg":"ES256"}""")).Error);
        JwtRule elsewhere = SomeJwt.Rule() with { Audiences = ["elsewhere"] };
        Assert.Equal(JwtError.None, SomeJwt.Authenticator([.. Enumerable.Repeat(elsewhere, 20), SomeJwt.Rule()]).Check(SomeJwt.Sign(SomeJwt.Payload())).Error);
    }

    [Fact]
    public void A_token_at_another_place_is_remembered_for_that()
    {
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule(), SomeJwt.Rule() with { Headers = [new("x-jwt", "")] });
        string token = SomeJwt.Sign(SomeJwt.Payload());
        Assert.Equal(JwtError.None, authenticator.Check(token).Error);
        SomeRequest request = new("GET", "shop", "/", ("x-jwt", token));
        VerifiedJwt first = authenticator.Check(request, SomeJwt.Now).Token!;
        Assert.Same(first, authenticator.Check(request, SomeJwt.Now).Token);
    }

    [Fact]
    public void A_token_that_is_known_costs_no_memory()
    {
        RequestAuthenticator authenticator = SomeJwt.Authenticator(SomeJwt.Rule());
        SomeRequest request = new("GET", "shop", "/", ("accept", "x"), ("authorization", $"Bearer {SomeJwt.Sign(SomeJwt.Payload())}"));
        for (int i = 0; i < 1_000; i++) Assert.Equal(JwtError.None, authenticator.Check(request, SomeJwt.Now).Error);
        Assert.InRange(
            Allocations.Of(() =>
            {
                for (int i = 0; i < 1_000; i++) authenticator.Check(request, SomeJwt.Now);
            }),
            0,
            1_000);
    }

    [Fact]
    public void Claims_for_headers_are_what_passes_everywhere()
    {
        string token = SomeJwt.Sign(SomeJwt.Payload("\"list\":[\"a\",\"b\"],\"odd\":[\"a,b\",\"c\"],\"one\":[\"a,b\"],\"empty\":[\"\",\"a\"],\"blank\":[\"a\",\" b\"],\"text\":\"a,b\",\"scope\":\"read write\",\"lines\":\"a\\r\\nx: y\",\"in\":{\"n\":7},\"a.b\":\"dot\",\"far\":\"\u00e9\",\"o\":{}"));
        JwtRule rule = SomeJwt.Rule() with { ClaimHeaders = new[] { "sub", "list", "odd", "lines", "in.n", "a.b", "far", "o", "none", "one", "empty", "blank", "text", "scope" }.Select((c, i) => new ClaimHeader($"x-{i}", c)).ToEquatableArray() };
        VerifiedJwt jwt = SomeJwt.Authenticator(rule).Check(token).Token!;
        Assert.Equal(["x-0: ann", "x-1: a,b", "x-4: 7", "x-5: dot", "x-12: a,b", "x-13: read write"], jwt.Headers.Select(h => $"{Encoding.ASCII.GetString(h.Name)}: {Encoding.ASCII.GetString(h.Value)}"));
    }

    [Fact]
    public void Other_keys_are_no_other_rules()
    {
        JwtRule rule = SomeJwt.Rule();
        Assert.Equal(SomeJwt.Authenticator(rule), SomeJwt.Authenticator(rule with { Keys = [] }));
        Assert.NotEqual(SomeJwt.Authenticator(rule), SomeJwt.Authenticator(rule with { Audiences = [] }));
        Assert.NotEqual(SomeJwt.Authenticator(rule), SomeJwt.Authenticator(rule, rule));
    }
}
