using System.Security.Cryptography;

namespace Culvert.NodeAgent.Identity;

/// <summary>
/// A private key in PKCS#8, unencrypted: in memory that is not moved, so that there is no copy of it, and overwritten by zeros when nobody refers to it any more. Immutable.
/// </summary>
public sealed class PrivateKeyBytes
{
    // RSA of 4096 bits has some 2,400.
    private const int Most = 8192;

    private readonly byte[] _pkcs8;

    /// <summary>Copies a key.</summary>
    /// <param name="pkcs8">The key.</param>
    public PrivateKeyBytes(ReadOnlySpan<byte> pkcs8)
    {
        _pkcs8 = GC.AllocateUninitializedArray<byte>(pkcs8.Length, pinned: true);
        pkcs8.CopyTo(_pkcs8);
    }

#pragma warning disable MA0055 // A key has no owner: stores, TLS contexts and files share one, and whoever lets go of it last does not know that he does.
    /// <summary>Overwrites it.</summary>
    ~PrivateKeyBytes() => CryptographicOperations.ZeroMemory(_pkcs8);
#pragma warning restore MA0055

    /// <summary>The bytes of a key.</summary>
    /// <exception cref="CryptographicException">It can't be exported.</exception>
    public static PrivateKeyBytes Of(AsymmetricAlgorithm key)
    {
        ArgumentNullException.ThrowIfNull(key);
        Span<byte> buffer = stackalloc byte[Most];
        try
        {
            return key.TryExportPkcs8PrivateKey(buffer, out int written) ? new(buffer[..written]) : throw new CryptographicException($"the key has more than {Most} bytes");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(buffer);
        }
    }

    /// <summary>Uses the bytes, which are good until this returns and are not to be kept.</summary>
    public T Use<T>(Func<ReadOnlyMemory<byte>, T> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        try
        {
            return use(_pkcs8);
        }
        finally
        {
            // What was last looked at may be overwritten while it is still in use.
            GC.KeepAlive(this);
        }
    }

    /// <summary>Keys never reach a log.</summary>
    public override string ToString() => "a private key";
}
