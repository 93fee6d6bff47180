using Culvert.SystemTests.Fixtures;

namespace Culvert.SystemTests;

/// <summary>Which pod of a Service on two nodes answers a request, as a TrafficPolicy says, without any route.</summary>
[Collection(MeshCollection.Name)]
public sealed class RequestBalancingTests(MeshFixture mesh)
{
    [Fact]
    public async Task Requests_with_the_same_header_are_answered_by_the_same_pod()
    {
        await using SharedService service = await SharedService.StartAsync(mesh, TestFamily.IPv4, "requestBalancing: {mode: HASH, header: x-user}");
        HashSet<string> seen = [];
        for (int user = 0; user < 12; user++)
        {
            string[] answers = await AskAsync("-H", $"x-user: user-{user}");
            seen.Add(Assert.Single(answers.Distinct(StringComparer.Ordinal)));
        }

        Assert.Equal(2, seen.Count);
        Assert.Equal(2, (await AskAsync()).Distinct(StringComparer.Ordinal).Count()); // without it they are spread
    }

    [Fact]
    public async Task A_client_that_keeps_its_cookie_keeps_its_pod()
    {
        await using SharedService service = await SharedService.StartAsync(mesh, TestFamily.IPv4, "requestBalancing: {mode: HASH, cookie: {name: culvert-session, ttl: 1h}}");
        string jar = Path.Combine(mesh.Mesh.Lab.Folder, "jar");
        HashSet<string> seen = [];
        for (int client = 0; client < 12; client++)
        {
            File.Delete(jar);
            seen.Add(Assert.Single((await AskAsync("-b", jar, "-c", jar)).Distinct(StringComparer.Ordinal)));
            Assert.Contains("culvert-session", await File.ReadAllTextAsync(jar), StringComparison.Ordinal);
        }

        Assert.Equal(2, seen.Count);
    }

    // Who has answered each of 24 requests of one curl: the first word of each answer.
    private async Task<string[]> AskAsync(params string[] options)
    {
        string output = (await mesh.Client.RunAsync("curl", ["-sS", .. options, $"{SharedService.Url()}/who?[1-24]"])).Output;
        string[] answers = [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith("--", StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
        Assert.Equal(24, answers.Length);
        return answers;
    }
}
