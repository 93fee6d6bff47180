using System.Security.Cryptography;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// The content of a file behind a line with its SHA-256 digest, so that a disk that has changed a bit is noticed. Who can write the file can write the
/// digest: it is no defence against people. Files of older versions have no such line and are taken as they are. Pure.
/// </summary>
public static class ContentSeal
{
    private const int DigestDigits = 2 * SHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Prefix => "sha256:"u8;

    private static int HeaderLength => Prefix.Length + DigestDigits + 1;

    /// <summary>Puts the line in front.</summary>
    public static byte[] Close(ReadOnlySpan<byte> content) => [.. Header(SHA256.HashData(content)), .. content];

    /// <summary>Writes content piece by piece with the line in front of it.</summary>
    /// <param name="file">Where to; it can seek.</param>
    /// <param name="write">Writes the content to what it is given.</param>
    public static void Close(Stream file, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(write);
        long start = file.Position;
        file.Write(new byte[HeaderLength]);
        using DigestStream content = new(file);
        write(content);
        long end = file.Position;
        file.Position = start;
        file.Write(Header(content.Digest()));
        file.Position = end;
    }

    /// <summary>The content behind the line.</summary>
    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    public static ReadOnlyMemory<byte> Open(byte[] file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!file.AsSpan().StartsWith(Prefix)) return file;
        if (file.Length < HeaderLength || file[HeaderLength - 1] != '\n') throw new InvalidDataException("its first line is damaged");
        ReadOnlyMemory<byte> content = file.AsMemory(HeaderLength);
        string digest = Encoding.ASCII.GetString(file, Prefix.Length, DigestDigits);
        return digest == Convert.ToHexStringLower(SHA256.HashData(content.Span)) ? content : throw new InvalidDataException("it is not what was written: its digest differs");
    }

    private static byte[] Header(ReadOnlySpan<byte> digest) => [.. Prefix, .. Encoding.ASCII.GetBytes(Convert.ToHexStringLower(digest)), (byte)'\n'];
}
