namespace Culvert.Core.Tests;

public sealed class ContentSealTests
{
    private static readonly byte[] s_content = "identities, numbers, policies"u8.ToArray();

    [Fact]
    public void WhatWasClosedOpens() => Assert.Equal(s_content, ContentSeal.Open(ContentSeal.Close(s_content)).ToArray());

    [Fact]
    public void WhatIsWrittenInPiecesIsTheSame()
    {
        using MemoryStream file = new();
        ContentSeal.Close(file, content =>
        {
            content.Write(s_content.AsSpan(0, 7));
            content.Write(s_content, 7, s_content.Length - 7);
        });
        Assert.Equal(ContentSeal.Close(s_content), file.ToArray());
        Assert.Equal(file.Length, file.Position);
    }

    [Fact]
    public void FilesOfOlderVersionsAreTakenAsTheyAre() => Assert.Equal(s_content, ContentSeal.Open(s_content).ToArray());

    [Fact]
    public void EveryFlippedBitIsNoticed()
    {
        byte[] file = ContentSeal.Close(s_content);

        // A prefix that is none any more leaves a file of an older version, whose reader finds a line that it does not know.
        for (int bit = "sha256:".Length * 8; bit < file.Length * 8; bit++)
        {
            byte[] damaged = [.. file];
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.Throws<InvalidDataException>(() => ContentSeal.Open(damaged));
        }
    }

    [Fact]
    public void EveryTruncationIsNoticed()
    {
        byte[] file = ContentSeal.Close(s_content);
        for (int length = "sha256:".Length; length < file.Length; length++) Assert.Throws<InvalidDataException>(() => ContentSeal.Open(file[..length]));
    }
}
