using System.Text;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

public sealed class MasquePathTests
{
    [Theory]
    [InlineData("192.0.2.6:443", "/.well-known/masque/udp/192.0.2.6/443/")]
    [InlineData("[2001:db8::42]:53", "/.well-known/masque/udp/2001%3Adb8%3A%3A42/53/")]
    [InlineData("[1111:2222:3333:4444:5555:6666:7777:8888]:65535", "/.well-known/masque/udp/1111%3A2222%3A3333%3A4444%3A5555%3A6666%3A7777%3A8888/65535/")]
    public void WritesAndReads(string target, string path)
    {
        Assert.True(SocketEndPoint.TryParse(Encoding.ASCII.GetBytes(target), out SocketEndPoint expected));
        byte[] buffer = new byte[MasquePath.MaxLength];
        int length = MasquePath.Write(expected, buffer);
        Assert.Equal(path, Encoding.ASCII.GetString(buffer, 0, length));
        Assert.True(MasquePath.TryParse(buffer.AsSpan(0, length), out SocketEndPoint back));
        Assert.Equal(expected, back);
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/.well-known/masque/udp/")]
    [InlineData("/.well-known/masque/udp//443/")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/443")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/443/x")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/0/")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/0443/")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/65536/")]
    [InlineData("/.well-known/masque/udp/192.0.2.6/+53/")]
    [InlineData("/.well-known/masque/udp/192.0.2.6//")]
    [InlineData("/.well-known/masque/udp/example.com/53/")]
    [InlineData("/.well-known/masque/udp/2001%3Adb8%3A%3/53/")]
    [InlineData("/.well-known/masque/udp/2001%3Adb8%3A%3A42%25eth0/53/")]
    [InlineData("/.well-known/masque/udp/192%2E0.2.6/53/")]
    [InlineData("/.well-known/masque/tcp/192.0.2.6/443/")]
    public void RefusesEverythingElse(string path) => Assert.False(MasquePath.TryParse(Encoding.ASCII.GetBytes(path), out _));

    [Fact]
    public void RandomPathsDoNotThrow()
    {
        Random random = new(99);
        byte[] good = Encoding.ASCII.GetBytes("/.well-known/masque/udp/2001%3Adb8%3A%3A42/53/");
        for (int i = 0; i < 100_000; i++)
        {
            byte[] path = (byte[])good.Clone();
            for (int n = random.Next(1, 5); n > 0; n--) path[random.Next(path.Length)] = (byte)random.Next(256);
            bool parsed = MasquePath.TryParse(path.AsSpan(0, random.Next(path.Length + 1)), out SocketEndPoint target);
            Assert.Equal(parsed, target != default);
        }
    }
}
