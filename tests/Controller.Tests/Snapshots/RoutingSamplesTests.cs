using System.Text;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests;

/// <summary>Each sample of a release by routes is without a fault, and divides requests as its comment says.</summary>
public sealed class RoutingSamplesTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "samples", "routing");

    [Theory]
    [InlineData("canary-by-weight", "/", "", "web-v1 90, web-v2 10")]
    [InlineData("canary-by-header", "/", "", "web-v1 1")]
    [InlineData("canary-by-header", "/", "x-canary: yes", "web-v2 1")]
    [InlineData("canary-by-header", "/", "x-canary: no", "web-v1 1")]
    [InlineData("canary-by-cookie", "/", "cookie: canary=yes", "web-v2 1")]
    [InlineData("canary-by-cookie", "/", "cookie: a=b; canary=yes; c=d", "web-v2 1")]
    [InlineData("canary-by-cookie", "/", "cookie: canary=yesterday", "web-v1 1")]
    [InlineData("canary-by-cookie", "/", "cookie: nocanary=yes", "web-v1 1")]
    [InlineData("ab-test", "/checkout/pay", "x-group: b", "web-v2 1")]
    [InlineData("ab-test", "/checkout", "x-group: a", "web-v1 1")]
    [InlineData("ab-test", "/cart", "x-group: b", "web-v1 1")]
    [InlineData("blue-green", "/", "", "web-v1 100, web-v2 0")]
    [InlineData("blue-green", "/", "x-preview: green", "web-v2 1")]
    public void ARequestIsDividedAsTheSampleSays(string sample, string path, string header, string expected)
    {
        HttpRouteTable table = new([Read(sample).Objects.Values.OfType<HttpRouteObject>().Single().ToRoute()]);
        Assert.True(table.TryFind(new RoutedRequest("GET"u8, Encoding.ASCII.GetBytes(path), new OneField(header)), out HttpRouteHit? hit));
        Assert.Equal(expected, string.Join(", ", hit.Rule.Backends.Select(b => $"{b.Service!.Value.Name} {b.Weight}")));
    }

    [Fact]
    public void TheTableHasEverySample() => Assert.Equal(
        ["ab-test", "blue-green", "canary-by-cookie", "canary-by-header", "canary-by-weight", "services"], Directory.GetFiles(Folder).Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));

    // A cluster gives the Services their addresses; here they need some.
    private static ObjectSet Read(string sample)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            int address = 20;
            IEnumerable<string> services = File.ReadLines(Path.Combine(Folder, "services.yaml")).Select(l => l.Replace("spec:", $"spec:\n  clusterIP: 10.96.0.{address++}", StringComparison.Ordinal));
            File.WriteAllLines(Path.Combine(folder.FullName, "services.yaml"), services);
            File.Copy(Path.Combine(Folder, $"{sample}.yaml"), Path.Combine(folder.FullName, "route.yaml"));
            ObjectSet objects = ObjectSetReader.Read(new FolderReader(folder.FullName).Read(), ObjectSet.Empty);
            Assert.Empty(objects.Errors);
            Assert.Empty(objects.Warnings);
            return objects;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private sealed class OneField(string line) : IRequestFields
    {
        private readonly byte[][] _parts = [.. line.Split(": ").Select(Encoding.ASCII.GetBytes)];

        public int Count => line.Length == 0 ? 0 : 1;

        public void Get(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            name = _parts[0];
            value = _parts[1];
        }
    }
}
