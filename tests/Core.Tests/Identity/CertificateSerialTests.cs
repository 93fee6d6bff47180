namespace Culvert.Core.Tests;

public sealed class CertificateSerialTests
{
    [Theory]
    [InlineData("3C09F17A")]
    [InlineData("3c09f17a")]
    [InlineData("3C:09:F1:7A")]
    [InlineData("00:3c:09:f1:7a")]
    [InlineData("0003C09F17A")]
    public void ANumberIsTheSameHoweverItIsWritten(string text)
    {
        Assert.True(CertificateSerial.TryParse(text, out CertificateSerial serial, out _));
        Assert.Equal(CertificateSerial.Of([0x3c, 0x09, 0xf1, 0x7a]), serial);
        Assert.Equal(CertificateSerial.Of([0, 0x3c, 0x09, 0xf1, 0x7a]), serial);
        Assert.Equal("3C09F17A", serial.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0")]
    [InlineData("00:00")]
    [InlineData("3C:9")]
    [InlineData("3C:")]
    [InlineData(":3C")]
    [InlineData("3C 09")]
    [InlineData("0x3C")]
    [InlineData("3C:09F1")]
    [InlineData("00112233445566778899AABBCCDDEEFF001122334")]
    [InlineData("00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44")]
    public void WhatIsNoNumberOfACertificateIsRefused(string? text)
    {
        Assert.False(CertificateSerial.TryParse(text, out _, out string? error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void AnyOfTheCertificatesOfAChainMayBeTheRevokedOne()
    {
        CertificateSerial leaf = CertificateSerial.Of([1]), intermediate = CertificateSerial.Of([2]);
        RevokedCredentials revoked = new() { Serials = [intermediate, CertificateSerial.Of([3])] };
        Assert.Equal(intermediate, revoked.Find([leaf, intermediate]));
        Assert.Null(revoked.Find([leaf]));
        Assert.Null(RevokedCredentials.None.Find([leaf]));
        Assert.False(revoked.Contains(SpiffeId.Parse("spiffe://example.org/ns/a/sa/b")));
    }
}
