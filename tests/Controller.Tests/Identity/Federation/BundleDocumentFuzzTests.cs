using System.Text;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Damaged bundles are refused, and do nothing else.</summary>
public sealed class BundleDocumentFuzzTests
{
    private const int Rounds = 20_000;
    private static readonly byte[] Marks = [.. "\"\\{}[],:0-9e.u\0"u8, 0xFF];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void DamageIsRefusedOrChangesWhatIsRead(int seed)
    {
        using CaFiles root = CaFiles.Make();
        byte[] whole = Encoding.UTF8.GetBytes(Bundles.Json(5, 300, root));
        Random random = new(seed);
        int read = 0;
        for (int round = 0; round < Rounds; round++)
        {
            byte[] damaged = [.. whole];
            for (int i = random.Next(1, 4); i > 0; i--) damaged[random.Next(damaged.Length)] = random.Next(2) == 0 ? (byte)random.Next(256) : Marks[random.Next(Marks.Length)];
            if (random.Next(4) == 0) damaged = damaged[..random.Next(damaged.Length)];
            try
            {
                BundleDocument.Read(damaged);
                read++;
            }
            catch (InvalidDataException)
            {
                // As it should be; anything else fails the test.
            }
        }

        // Not all damage is seen: what is in a signature, or a name of nothing known.
        Assert.InRange(read, 1, Rounds - 1);
    }
}
