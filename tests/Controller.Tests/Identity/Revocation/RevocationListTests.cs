using System.Formats.Asn1;
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Identity.Revocation;
using Culvert.Controller.Tests.Identity.Upstream;
using Culvert.Core;

namespace Culvert.Controller.Tests.Identity.Revocation;

/// <summary>Revocation lists of .NET and of openssl, and what is no list, or one that means something else.</summary>
public sealed class RevocationListTests
{
    [Theory]
    [InlineData("P-256", "SHA256")]
    [InlineData("P-256", "SHA384")]
    [InlineData("RSA", "SHA256")]
    [InlineData("RSA", "SHA512")]
    public void AListIsReadAndItsIssuerKnown(string kind, string hash)
    {
        using CaFiles issuer = CaFiles.Make(key: kind == "RSA" ? RSA.Create(2048) : null), other = CaFiles.Make(key: kind == "RSA" ? RSA.Create(2048) : null);
        RevocationList list = RevocationList.Read(Crls.Make(issuer, ["7F01", "00FFAA"], new HashAlgorithmName(hash)));
        Assert.Equal([Crls.Serial("7f01"), Crls.Serial("ffaa")], list.Serials);
        Assert.NotNull(list.NextUpdate);
        Assert.True(list.IsBy(issuer.Certificate));
        Assert.False(list.IsBy(other.Certificate));
    }

    [Fact]
    public void AnEmptyListRevokesNothing()
    {
        using CaFiles issuer = CaFiles.Make();
        Assert.Empty(RevocationList.Read(Crls.Make(issuer, [])).Serials);
    }

    [Fact]
    public async Task AListOfOpensslIsRead()
    {
        using TempFolder folder = new();
        using CaFiles issuer = CaFiles.Make();
        folder.Write("ca.pem", issuer.CertificatePem);
        folder.Write("ca.key", issuer.KeyPem);
        folder.Write("index", "R\t300101000000Z\t250101000000Z,keyCompromise\t3C09F17A\tunknown\t/CN=x\nV\t300101000000Z\t\t3C09F17B\tunknown\t/CN=y\n");
        folder.Write("number", "1000\n");
        folder.Write("cnf", $"[ca]\ndefault_ca=d\n[d]\ndatabase={folder.File("index")}\ncrlnumber={folder.File("number")}\ndefault_md=sha256\ndefault_crl_days=30\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n");
        (int code, string output) = await OpenSsl.RunAsync("ca", "-gencrl", "-config", folder.File("cnf"), "-cert", folder.File("ca.pem"), "-keyfile", folder.File("ca.key"), "-out", folder.File("crl.pem"));
        Assert.True(code == 0, output);
        RevocationList list = Assert.Single(RevocationListFile.Read(File.ReadAllBytes(folder.File("crl.pem")), [issuer.Certificate.RawData], DateTimeOffset.UtcNow));
        Assert.Equal([Crls.Serial("3C:09:F1:7A")], list.Serials);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void AListThatSomebodyHasChangedIsNotItsIssuersAnyMore()
    {
        using CaFiles issuer = CaFiles.Make();
        byte[] list = Crls.Make(issuer, ["7F01020304"]);
        list[list.AsSpan().IndexOf((ReadOnlySpan<byte>)[0x7F, 0x01, 0x02])] = 0x7E;
        Assert.False(RevocationList.Read(list).IsBy(issuer.Certificate));
    }

    [Fact]
    public void AnAlgorithmThatIsBrokenIsRefused()
    {
        using CaFiles issuer = CaFiles.Make();
        byte[] list = Crls.Make(issuer, ["7F01"]), sha256 = Encode("1.2.840.10045.4.3.2"), sha1 = Encode("1.2.840.10045.4.1");
        byte[] other = [.. sha1, .. new byte[sha256.Length - sha1.Length]];
        other[1] += (byte)(sha256.Length - sha1.Length);
        other[^1] = 1;
        for (int at = list.AsSpan().IndexOf(sha256); at >= 0; at = list.AsSpan().IndexOf(sha256)) other.CopyTo(list.AsSpan(at));
        Assert.Contains("an algorithm that is not taken (1.2.840.10045.4.1.1)", Assert.Throws<InvalidDataException>(() => RevocationList.Read(list)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("2.5.29.27")] // a delta
    [InlineData("2.5.29.28")] // of another issuer's, or of some reasons only
    public void AListThatIsNotTheWholeOfItsIssuersOwnIsRefused(string extension)
    {
        using CaFiles issuer = CaFiles.Make();
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => RevocationList.Read(WithCritical(issuer, extension)));
        Assert.Contains($"the critical extension {extension}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhoeverHasACertificateBelowARootIssuesNoLists()
    {
        using CaFiles root = CaFiles.Make(), leaf = CaFiles.Make(root, shape: new() { IsAuthority = false, Usage = X509KeyUsageFlags.DigitalSignature }), mute = CaFiles.Make(root, shape: new() { Usage = X509KeyUsageFlags.KeyCertSign });
        foreach (CaFiles issuer in new[] { leaf, mute })
        {
            RevocationList list = RevocationList.Read(Crls.Unchecked(issuer, ["7F01"]));
            Assert.False(list.IsBy(issuer.Certificate));
        }
    }

    [Theory]
    [InlineData("00")]
    [InlineData("7F0102030405060708090A0B0C0D0E0F1011121314")]
    [Trait("Category", "Attack")]
    public void ASerialNumberThatNodesWouldNotTakeIsRefused(string serial)
    {
        using CaFiles issuer = CaFiles.Make();
        Assert.Contains("1 to 20 octets are taken", Assert.Throws<InvalidDataException>(() => RevocationList.Read(Crls.Unchecked(issuer, ["7F01", serial]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyEntriesAreRefused()
    {
        using CaFiles issuer = CaFiles.Make();
        byte[] list = Crls.Make(issuer, Enumerable.Range(1, RevokedCredentials.MostListed + 1).Select(i => (0x40000000 + i).ToString("X8", CultureInfo.InvariantCulture)));
        Assert.Contains("names more than 10000 certificates", Assert.Throws<InvalidDataException>(() => RevocationList.Read(list)).Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void WhatIsDamagedIsReadOrRefusedNeverElse()
    {
        using CaFiles issuer = CaFiles.Make();
        byte[] good = Crls.Make(issuer, ["7F01", "7F02", "7F03"]);
        Random random = new(12);
        int refused = 0, believed = 0;
        for (int i = 0; i < 3000; i++)
        {
            byte[] list = random.Next(4) == 0 ? good[..random.Next(good.Length)] : [.. good];
            for (int n = random.Next(1, 4); n > 0 && list.Length > 0; n--) list[random.Next(list.Length)] = (byte)random.Next(256);
            try
            {
                if (RevocationList.Read(list).IsBy(issuer.Certificate) && !list.AsSpan().SequenceEqual(good)) believed++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.Equal(0, believed);
        Assert.InRange(refused, 1000, 3000);
    }

    private static byte[] Encode(string oid)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        writer.WriteObjectIdentifier(oid);
        return writer.Encode();
    }

    // .NET makes none with other extensions: the number's (2.5.29.20) becomes another one, and critical.
    private static byte[] WithCritical(CaFiles issuer, string oid)
    {
        AsnReader whole = new AsnReader(Crls.Make(issuer, ["7F01"]), AsnEncodingRules.DER).ReadSequence();
        AsnReader list = whole.ReadSequence();
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence())
            {
                while (list.HasData && !list.PeekTag().HasSameClassAndValue(new(TagClass.ContextSpecific, 0))) writer.WriteEncodedValue(list.ReadEncodedValue().Span);
                using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                using (writer.PushSequence())
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(oid);
                    writer.WriteBoolean(true);
                    writer.WriteOctetString([0x02, 0x01, 0x01]);
                }
            }
            while (whole.HasData) writer.WriteEncodedValue(whole.ReadEncodedValue().Span);
        }
        return writer.Encode();
    }
}
