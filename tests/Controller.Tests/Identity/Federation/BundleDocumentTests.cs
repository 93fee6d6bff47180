using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Bundles in SPIFFE's JSON.</summary>
public sealed class BundleDocumentTests : IDisposable
{
    private readonly CaFiles _root = CaFiles.Make(), _other = CaFiles.Make();

    // CN=Organisation Ed25519, made by openssl: .NET makes none.
    private const string Ed25519Root =
        "MIIBZTCCARegAwIBAgIUEcSIS9f5LI9z/3f05lvKfyvwF7cwBQYDK2VwMB8xHTAbBgNVBAMMFE9yZ2FuaXNhdGlvbiBFZDI1NTE5MCAXDTI2MTEzMDExMzUwM1oYDzIxMjYxMTA2MTEzNTAzWjAfMR0wGwYDVQQDDBRPcmdhbmlzYXRpb24gRWQyNTUxOTAqMAUGAytlcAMhAKv1FhUNmExcLjW8" +
        "fL7nAGERBIyApRrYOqUXxx7u6F4co2MwYTAdBgNVHQ4EFgQUOcQHYuo4LmC4GUGp389OHAcYxxIwHwYDVR0jBBgwFoAUOcQHYuo4LmC4GUGp389OHAcYxxIwDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAgQwBQYDK2VwA0EAK2HFd08PiwNzkG+i58oKw3ughEgWqh99rccrNpYPDDX2" +
        "nbmEorRn2cZGVZ0pCxJki6EXbcNyQc9V47ocC3CfDA==";

    private string X5c => Convert.ToBase64String(_root.Certificate.RawData);

    private string Key => $$"""{"use":"x509-svid","kty":"EC","crv":"P-256","x":"AA","y":"AA","x5c":["{{X5c}}"]}""";

    public void Dispose()
    {
        _root.Dispose();
        _other.Dispose();
    }

    [Fact]
    public void WhatASpireServerTellsIsRead()
    {
        BundleDocument read = Read($$"""
            {
                "keys": [
                    {{Key}},
                    { "use": "jwt-svid", "kty": "EC", "kid": "C6vs25welZOx6WksNYfbMfiw9l96pMnD", "crv": "P-256", "x": "ngLYQnlfF6GsojUwqtcEE3WgTNG2RUlsGhK73RNEl5k", "y": "tKbiDSUSsQ3F1P7wteeHNXIcU-cx6CgSbroeQrQHTLM" }
                ],
                "spiffe_sequence": 12035488, "spiffe_refresh_hint": 300
            }
            """);
        Assert.Equal(_root.Certificate.RawData, Assert.Single(read.Roots).ToArray());
        Assert.Equal((12035488ul, TimeSpan.FromSeconds(300)), (read.Sequence, read.RefreshHint));
    }

    [Fact]
    public void KeysOfUnknownUseOrTypeArePassedOver()
    {
        string none = $$"""{"use":"wit-svid","kty":"EC","kid":"a"}, {"kty":"EC","x5c":["!"]}, {"use":"x509-svid","kty":"ML","x5c":["!"]}, {"use":"x509-svid","x5c":["!"]}, {"use":7,"kty":"EC"}, {"use":"jwt-svid","kty":"EC"}""";
        BundleDocument read = Read($$"""{"keys": [{{none}}, {{Key}}], "more": {"a": [1] } }""");
        Assert.Single(read.Roots);
        Assert.Null(read.Sequence);
        Assert.Null(read.RefreshHint);
    }

    [Fact]
    public void OnlyTheFirstCertificateOfAKeyCountsAndEachOnce()
    {
        string two = $$"""{"use":"x509-svid","kty":"EC","x5c":["{{X5c}}","{{Convert.ToBase64String(_other.Certificate.RawData)}}"]}""";
        Assert.Equal(_root.Certificate.RawData, Assert.Single(Read($$"""{"keys": [{{two}}, {{Key}}, {{two}}]}""").Roots).ToArray());
    }

    [Fact]
    public void NoKeysAreABundleThatRevokesAll() => Assert.Empty(Read("""{"keys": []}""").Roots);

    [Theory]
    [InlineData("18446744073709551615", 18446744073709551615)]
    [InlineData("9223372036854775808", 9223372036854775808)]
    [InlineData("0", 0ul)]
    public void SequencesHave64Bits(string text, ulong sequence) => Assert.Equal(sequence, Read($$"""{"keys": [], "spiffe_sequence": {{text}}}""").Sequence);

    [Theory]
    [InlineData("0", null)]
    [InlineData("1", 1)]
    [InlineData("18446744073709551615", int.MaxValue)]
    public void HintsAreSeconds(string text, int? seconds) => Assert.Equal(seconds, (int?)Read($$"""{"keys": [], "spiffe_refresh_hint": {{text}}}""").RefreshHint?.TotalSeconds);

    [Theory]
    [InlineData("", "is no JSON")]
    [InlineData("[]", "has no list 'keys'")]
    [InlineData("{}", "has no list 'keys'")]
    [InlineData("""{"keys": {}}""", "has no list 'keys'")]
    [InlineData("""{"keys": null}""", "has no list 'keys'")]
    [InlineData("""{"keys": [], "keys": []}""", "is no JSON")]
    [InlineData("""{"keys": [], "spiffe_sequence": 1, "spiffe_sequence": 2}""", "is no JSON")]
    [InlineData("""{"keys": [{"use":"x509-svid","kty":"EC","use":"jwt-svid"}]}""", "is no JSON")]
    [InlineData("""{"keys": [7]}""", "keys[0], which is no JSON Web Key")]
    [InlineData("""{"keys": [], "spiffe_sequence": -1}""", "'spiffe_sequence' that is no whole number")]
    [InlineData("""{"keys": [], "spiffe_sequence": 1.5}""", "'spiffe_sequence' that is no whole number")]
    [InlineData("""{"keys": [], "spiffe_sequence": 18446744073709551616}""", "'spiffe_sequence' that is no whole number")]
    [InlineData("""{"keys": [], "spiffe_sequence": "1"}""", "'spiffe_sequence' that is no whole number")]
    [InlineData("""{"keys": [{"use":"x509-svid","kty":"EC"}]}""", "keys[0] for X.509-SVIDs without a certificate")]
    [InlineData("""{"keys": [{"use":"x509-svid","kty":"EC","x5c":[]}]}""", "keys[0] for X.509-SVIDs without a certificate")]
    [InlineData("""{"keys": [{"use":"x509-svid","kty":"EC","x5c":["_-"]}]}""", "keys[0] for X.509-SVIDs without a certificate")]
    [InlineData("""{"keys": [{"use":"\ud800","kty":"EC"}]}""", "is no JSON")]
    [InlineData("""{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}},"keys": []}""", "is no JSON")]
    public void WhatIsNoBundleIsRefused(string text, string reason) => Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void CertificatesOfNoAuthorityAndWhatFollowsOneAreLeftOutAndTheOthersTaken()
    {
        using CaFiles leaf = CaFiles.Make(_root, shape: new() { IsAuthority = false });
        LeaveOut(leaf.Certificate.RawData, "is no authority's");
        LeaveOut([.. _root.Certificate.RawData, .. _other.Certificate.RawData], "whose certificate");
        LeaveOut(Encoding.ASCII.GetBytes(_root.CertificatePem), "whose certificate");
        LeaveOut([0, 0, 0], "whose certificate can't be read");
        Assert.Contains("is not UTF-8", Assert.Throws<InvalidDataException>(() => BundleDocument.Read(new byte[] { 0x7B, 0xFF, 0x7D })).Message, StringComparison.Ordinal);
        Assert.Contains("has more than", Assert.Throws<InvalidDataException>(() => BundleDocument.Read(new byte[BundleDocument.MostBytes + 1])).Message, StringComparison.Ordinal);
        Assert.Contains("has more than 1024 keys", Assert.Throws<InvalidDataException>(() => Read($$"""{"keys": [{{string.Join(',', Enumerable.Repeat("{}", 1025))}}]}""")).Message, StringComparison.Ordinal);

        void LeaveOut(byte[] certificate, string reason)
        {
            BundleDocument read = Read($$"""{"keys": [{"use":"x509-svid","kty":"EC","x5c":["{{Convert.ToBase64String(certificate)}}"]}, {{Key}}]}""");
            Assert.Equal(_root.Certificate.RawData, Assert.Single(read.Roots).ToArray());
            Assert.Contains("has keys[0], ", Assert.Single(read.LeftOut), StringComparison.Ordinal);
            Assert.Contains(reason, read.LeftOut[0], StringComparison.Ordinal);
        }
    }

    [Fact]
    public void KeysAreCalledByTheirNamesAndThoseWithoutAreNotTold()
    {
        using CaFiles koblitz = Of("1.3.132.0.10"), p521 = Of("1.3.132.0.35"), p224 = Of("1.3.132.0.33");
        byte[] edwards = Convert.FromBase64String(Ed25519Root);
        byte[] text = new BundleDocument { Roots = [koblitz.Certificate.RawData, p224.Certificate.RawData, p521.Certificate.RawData, edwards] }.Write();
        using JsonDocument parsed = JsonDocument.Parse(text);
        JsonElement[] keys = [.. parsed.RootElement.GetProperty("keys").EnumerateArray()];
        Assert.Equal(["EC secp256k1", "EC P-521", "OKP Ed25519"], keys.Select(k => $"{k.GetProperty("kty").GetString()} {k.GetProperty("crv").GetString()}"));
        Assert.Equal("q_UWFQ2YTFwuNbx8vucAYREEjIClGtg6pRfHHu7oXhw", keys[2].GetProperty("x").GetString());
        Assert.Equal(88, keys[1].GetProperty("y").GetString()!.Length);
        Assert.Equal([true, false, true, true], new ReadOnlyMemory<byte>[] { koblitz.Certificate.RawData, p224.Certificate.RawData, p521.Certificate.RawData, edwards }.Select(BundleDocument.CanTell));

        // Whoever tells such a root is believed by it all the same: only its certificate counts.
        Assert.Equal(p224.Certificate.RawData, Assert.Single(Read($$"""{"keys": [{"use":"x509-svid","kty":"EC","x5c":["{{Convert.ToBase64String(p224.Certificate.RawData)}}"]}]}""").Roots).ToArray());

        static CaFiles Of(string curve) => CaFiles.Make(key: ECDsa.Create(ECCurve.CreateFromValue(curve)));
    }

    [Fact]
    public void WhatIsKeptIsReadAsItWasWhateverTheKeysAreAndDoesNotGrow()
    {
        using CaFiles p224 = CaFiles.Make(key: ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.33")));
        BundleDocument told = Read($$"""{"keys": [ {{Key}}, { "use" : "jwt-svid",   "kty":"EC", "kid":"a+b" } ], "spiffe_sequence": 18446744073709551615, "spiffe_refresh_hint": 60}""");
        KeptBundle kept = new(told with { Roots = [.. told.Roots, p224.Certificate.RawData, Convert.FromBase64String(Ed25519Root)] }, "digest", ulong.MaxValue, new(2026, 1, 2, 3, 4, 5, 678, TimeSpan.Zero));
        byte[] text = kept.Write();
        KeptBundle read = KeptBundle.Read(Encoding.UTF8.GetString(text));
        Assert.Equal((kept.FileDigest, kept.Floor, kept.At, kept.Document.Sequence, kept.Document.RefreshHint), (read.FileDigest, read.Floor, read.At, read.Document.Sequence, read.Document.RefreshHint));
        Assert.Equal(kept.Document.Roots.Select(r => r.ToArray()), read.Document.Roots.Select(r => r.ToArray()));
        Assert.True(read.Document.HasSameRoots(kept.Document));
        Assert.Equal(text, read.Write());
        Assert.DoesNotContain("a+b", Encoding.UTF8.GetString(text), StringComparison.Ordinal);
        KeptBundle little = new(new(), null, null, kept.At);
        KeptBundle again = KeptBundle.Read(Encoding.UTF8.GetString(little.Write()));
        Assert.Equal((null, null, kept.At, null), (again.FileDigest, again.Floor, again.At, again.Document.Sequence));
        foreach (string damaged in new[] { "{}", "[]", "null", "", """{"file":1}""", Encoding.UTF8.GetString(text).Replace("\"roots\":[\"", "\"roots\":[\"AAAA", StringComparison.Ordinal) })
            Assert.Throws<InvalidDataException>(() => KeptBundle.Read(damaged));
    }

    [Fact]
    public void WhatIsWrittenIsReadAsItWas()
    {
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using RSA rsa = RSA.Create(2048);
        using CaFiles elliptic = CaFiles.Make(key: p384), large = CaFiles.Make(key: rsa);
        BundleDocument written = new() { Sequence = ulong.MaxValue, RefreshHint = TimeSpan.FromSeconds(100), Roots = [_root.Certificate.RawData, elliptic.Certificate.RawData, large.Certificate.RawData] };
        byte[] text = written.Write();
        BundleDocument read = BundleDocument.Read(text);
        Assert.Equal((written.Sequence, written.RefreshHint), (read.Sequence, read.RefreshHint));
        Assert.Equal(written.Roots.Select(r => r.ToArray()), read.Roots.Select(r => r.ToArray()));
        Assert.True(written.HasSameRoots(read));

        // The keys as others read them, who look at no certificate.
        using JsonDocument parsed = JsonDocument.Parse(text);
        JsonElement[] keys = [.. parsed.RootElement.GetProperty("keys").EnumerateArray()];
        Assert.Equal(["EC P-256", "EC P-384", "RSA "], keys[..3].Select(k => $"{k.GetProperty("kty").GetString()} {(k.TryGetProperty("crv", out JsonElement curve) ? curve.GetString() : "")}"));
        Assert.Equal(64, keys[1].GetProperty("x").GetString()!.Length);
        Assert.Equal("AQAB", keys[2].GetProperty("e").GetString());
        Assert.All(keys[..3], k => Assert.False(k.TryGetProperty("kid", out _)));
    }

    [Fact]
    public void BundlesAreComparedByTheirRootsInWhateverOrder()
    {
        BundleDocument one = new() { Sequence = 1, Roots = [_root.Certificate.RawData, _other.Certificate.RawData] };
        Assert.True(one.HasSameRoots(one with { Sequence = 2, Roots = [_other.Certificate.RawData, _root.Certificate.RawData] }));
        Assert.False(one.HasSameRoots(one with { Roots = [_root.Certificate.RawData] }));
    }

    [Fact]
    public void WhereThereIsNoRoomForAllRootsThoseOfBeforeComeFirstAndTheOthersAreKnownByTheirDigests()
    {
        CaFiles[] roots = [.. Enumerable.Range(0, 6).Select(_ => CaFiles.Make())];
        ReadOnlyMemory<byte>[] certificates = [.. roots.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)];
        KeptBundle whole = new(new() { Roots = [.. certificates], Sequence = 7 }, null, 7, new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
        Assert.Same(whole, whole.Within(whole.Write().Length, null));
        KeptBundle before = whole with { Document = new() { Roots = [certificates[4], certificates[5]], Sequence = 6 }, Floor = 6 };
        int most = whole.Write().Length - 1000;
        KeptBundle part = whole.Within(most, before);
        Assert.InRange(part.Write().Length, most - 800, most);
        Assert.True(part.IsPart);
        Assert.Equal((7ul, 6), (part.Floor, part.Document.Roots.Length + part.Missing.Length));
        Assert.Contains(part.Document.Roots, r => r.Span.SequenceEqual(certificates[4].Span));
        Assert.Contains(part.Document.Roots, r => r.Span.SequenceEqual(certificates[5].Span));

        // Again, and over what is written, it is the same.
        KeptBundle read = KeptBundle.Read(Encoding.UTF8.GetString(part.Write()));
        Assert.Equal(part.Write(), read.Write());
        Assert.Equal(part.Write(), whole.Within(most, read).Write());
        Assert.Equal(part.Missing, read.Missing);

        // Whoever has the others has all of it, and nothing that was withdrawn.
        KeptBundle other = whole with { Document = new() { Roots = [.. certificates, _root.Certificate.RawData] } };
        KeptBundle completed = read.CompletedBy(other);
        Assert.False(completed.IsPart);
        Assert.True(completed.Document.HasSameRoots(whole.Document));
        Assert.Same(read, read.CompletedBy(null));

        // An answer with the sequence of a part has to be the whole.
        DateTimeOffset now = DateTimeOffset.UtcNow;
        Assert.Null(BundleRules.FindDoubt(whole.Document, read, now));
        Assert.Contains("its keys are others", BundleRules.FindDoubt(other.Document with { Sequence = 7 }, read, now), StringComparison.Ordinal);
        Assert.Contains("its keys are others", BundleRules.FindDoubt(whole.Document with { Roots = [.. certificates[..5]] }, read, now), StringComparison.Ordinal);
        foreach (CaFiles root in roots) root.Dispose();
    }

    private static BundleDocument Read(string text) => BundleDocument.Read(Encoding.UTF8.GetBytes(text));
}
