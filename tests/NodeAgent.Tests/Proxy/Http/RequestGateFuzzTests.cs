using System.Text;
using Culvert.Core;
using Culvert.Http2;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Whatever a request looks like, asking about it ends with an answer, and what is passed on is asked about in the same way again.</summary>
public sealed class RequestGateFuzzTests
{
    private static readonly string[] Pieces = ["/", "/", "a", "b", ".", "..", "%2e", "%2F", "%5C", "\\", ";", "%00", "%", "%4", "*", "{", "#", "é", "//", "admin", "%41", "?", "?q=/../", "%3a"];

    [Fact]
    public void NothingThrowsAndWhatPassesPassesAgain()
    {
        Random random = new(7);
        FakeMesh mesh = new() { Rules = GateLab.Rules(PolicyAction.Deny, GateLab.Paths("/admin", "/admin/*", "/a/{*}/b", "*.php"), new RequestConditions { Hosts = [StringPattern.Parse("*.x")] }) };
        var gate = new GateLab(mesh, "http").Gate;
        int passed = 0, refused = 0;
        for (int round = 0; round < 30_000; round++)
        {
            string path = $"/{string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => Pieces[random.Next(Pieces.Length)]))}{(random.Next(8) == 0 ? $"?{new string('q', random.Next(9000))}" : "")}";
            HeaderList head = new HeaderList().Add(":method"u8, "GET"u8).Add(":path"u8, Encoding.Latin1.GetBytes(path)).Add(":authority"u8, "shop"u8);
            if (gate.Ask(head) is not null)
            {
                refused++;
                continue;
            }

            passed++;
            string passedOn = Encoding.Latin1.GetString(head.Path);
            Assert.Null(gate.Ask(head));
            Assert.Equal(passedOn, Encoding.Latin1.GetString(head.Path));
            Assert.True(gate.MayGoOn(head));
            Assert.DoesNotContain("/../", passedOn.Split('?')[0], StringComparison.Ordinal);
            Assert.Equal(path.Contains('?', StringComparison.Ordinal) ? path[path.IndexOf('?', StringComparison.Ordinal)..] : "", passedOn.Contains('?', StringComparison.Ordinal) ? passedOn[passedOn.IndexOf('?', StringComparison.Ordinal)..] : "");
        }

        Assert.True(passed > 5_000 && refused > 5_000, $"{passed} {refused}");
    }
}
