using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests;

/// <summary>What a controller tells of the objects that its errors are about.</summary>
public sealed class LastGoodTests
{
    [Fact]
    public async Task AnErrorTellsWhetherTheLastGoodVersionIsInForce()
    {
        await using Running controller = await Running.StartAsync(folder =>
        {
            folder.Write("objects/web.yaml", ObjectSetReaderTests.Workload("web", "10.0.0.1"));
            folder.Write("objects/new.yaml", ObjectSetReaderTests.Workload("new", "nonsense"));
        });
        SourceError neverGood = Assert.Single(controller.Host.Errors);

        SourceError onceGood = await BreakAsync(ObjectSetReaderTests.Workload("web", "nonsense"), e => e.Field.Length > 0);
        Assert.Equal(InForceInstead.Nothing, controller.Host.Instead(neverGood));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(onceGood));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(await BreakAsync("kind: [", e => e.Object.Length == 0)));
        Assert.Equal(InForceInstead.Nothing, controller.Host.Instead(new SourceError("new.yaml", 1, "", "", "is no YAML")));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(new SourceError(controller.Folder.File("objects"), 0, "", "", "the folder can't be read")));

        async Task<SourceError> BreakAsync(string text, Predicate<SourceError> isIt)
        {
            var broken = new TaskCompletionSource<SourceError>(TaskCreationOptions.RunContinuationsAsynchronously);
            controller.Host.ObjectsChanged += Look;
            controller.Write("web.yaml", text);
            SourceError error = await broken.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            controller.Host.ObjectsChanged -= Look;
            return error;

            void Look()
            {
                if (controller.Host.Errors.FirstOrDefault(e => e.Place == "web.yaml" && isIt(e)) is { } error) broken.TrySetResult(error);
            }
        }
    }

    [Theory]
    [InlineData("kind: AuthorizationPolicy", "kind: AuthorizationPolcy", InForceInstead.LastGood)]
    [InlineData("name: deny, ", "", InForceInstead.LastGood)]
    [InlineData(null, null, InForceInstead.Nothing)] // a document of its own beside the good one
    public void WhatDoesNotTellWhichObjectItIsMayBeTheOneThatIsKept(string? from, string? to, InForceInstead expected)
    {
        string policy = Objects.Policy("deny", "web");
        ObjectSet good = ObjectSetReader.Read([new("a.yaml", policy)], ObjectSet.Empty);
        ObjectSet broken = ObjectSetReader.Read([new("a.yaml", from is null ? $"{policy}\n---\n{policy.Replace("kind: AuthorizationPolicy", "kind: AuthorizationPolcy", StringComparison.Ordinal)}" : policy.Replace(from, to, StringComparison.Ordinal))], good);
        Assert.Equal(expected, broken.Instead(Assert.Single(broken.Errors, e => e.Place == "a.yaml")));
    }

    [Fact]
    public void InPlaceOfASecondDeclarationNothingIsKept()
    {
        SourceFile[] twice = [new("a.yaml", Objects.Policy("deny", "web")), new("b.yaml", Objects.Policy("deny", "api"))];
        ObjectSet both = ObjectSetReader.Read(twice, ObjectSetReader.Read(twice[..1], ObjectSet.Empty));
        SourceError second = Assert.Single(both.Errors, e => e.Place == "b.yaml");
        Assert.Contains("is declared twice; the one at a.yaml:1 counts", second.Reason, StringComparison.Ordinal);
        Assert.Equal(InForceInstead.Nothing, both.Instead(second));
    }
}
