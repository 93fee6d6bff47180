using Culvert.Controller.Issuers;
using Culvert.Core;

namespace Culvert.Controller.Tests.Issuers;

/// <summary>Keys of all URLs are read, whatever becomes of some.</summary>
[Trait("Category", "Attack")]
public sealed class IssuerKeyReaderTests
{
    [Fact]
    public async Task One_that_answers_nonsense_keeps_nobody_elses_from_being_read_again()
    {
        await using IssuerServer bad = new() { Answer = IssuerServer.Ok("""{"keys":[{"kty":"EC","crv":"P-256","key_ops":["\ud800"]}]}""") }, good = new() { Answer = IssuerServer.Ok(IssuerClientTests.Keys) };
        await RunAsync([bad.Uri, good.Uri], async () =>
        {
            while (good.Asked < 3 || bad.Asked < 3) await Task.Delay(10, TestContext.Current.CancellationToken);
        });
    }

    [Fact]
    public async Task Those_that_do_not_answer_hold_back_nobody_for_whom_there_is_a_place()
    {
        await using IssuerServer silent = new(), good = new() { Answer = IssuerServer.Ok(IssuerClientTests.Keys) };
        await RunAsync([silent.Uri, good.Uri], async () =>
        {
            while (good.Asked < 3) await Task.Delay(10, TestContext.Current.CancellationToken);
            Assert.Equal(1, silent.Asked);
        });
    }

    [Fact]
    public void Another_reason_is_no_change()
    {
        IssuerKeys keys = new();
        int changes = 0;
        keys.Changed += () => changes++;
        foreach (string error in new[] { "404", "500", "404" }) keys.Set("a", new IssuerKeySet([], error));
        Assert.Equal((1, "404"), (changes, keys.ByUri["a"].Error));
        keys.Set("a", new IssuerKeySet([], null));
        Assert.Equal(2, changes);
    }

    private static async Task RunAsync(string[] uris, Func<Task> body)
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        folder.Write("objects/all.yaml", $"apiVersion: culvert.dev/v1alpha1\nkind: RequestAuthentication\nmetadata: {{name: jwt, namespace: shop}}\nspec: {{jwtRules: [{string.Join(", ", uris.Select(u => $"{{issuer: a, jwksUri: '{u}'}}"))}]}}\n");
        ControllerOptions options = Running.Options(folder) with { IssuerKeys = new IssuerKeyOptions { AllowsLocal = true, Interval = TimeSpan.FromMilliseconds(20), FirstRetry = TimeSpan.FromMilliseconds(20), Patience = TimeSpan.FromSeconds(20) } };
        await using ControllerHost host = await ControllerHost.StartAsync(options, TestContext.Current.CancellationToken);
        await body().WaitAsync(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken);
    }
}
