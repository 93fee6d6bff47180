using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;

namespace Culvert.NodeAgent.Tests.Identity;

public sealed class PrivateKeyBytesTests
{
    [Fact]
    public void BytesAreOverwrittenWhenNobodyRefersToThem()
    {
        ReadOnlyMemory<byte> bytes = BytesOfAKeyThatIsGone();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.InRange(bytes.Length, 100, 200);
        Assert.All(bytes.ToArray(), b => Assert.Equal(0, b));
    }

    [Theory]
    [InlineData(KeyKind.P256)]
    [InlineData(KeyKind.Rsa4096)]
    public void TheyAreTheKeys(KeyKind kind)
    {
        using AsymmetricAlgorithm key = kind.CreateKey();
        PrivateKeyBytes bytes = PrivateKeyBytes.Of(key);
        Assert.Equal(key.ExportPkcs8PrivateKey(), bytes.Use(k => k.ToArray()));
        Assert.Equal("a private key", bytes.ToString());
    }

    // The memory is a test's to keep; nobody else may.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReadOnlyMemory<byte> BytesOfAKeyThatIsGone()
    {
        using AsymmetricAlgorithm key = KeyKind.P256.CreateKey();
        PrivateKeyBytes bytes = PrivateKeyBytes.Of(key);
        ReadOnlyMemory<byte> kept = bytes.Use(k => k);
        Assert.Contains(kept.ToArray(), b => b != 0);
        return kept;
    }
}
