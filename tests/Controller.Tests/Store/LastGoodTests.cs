using Culvert.Controller.Schema;
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
        var broken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        controller.Host.ObjectsChanged += () =>
        {
            if (controller.Host.Errors.Any(e => e.Place == "web.yaml")) broken.TrySetResult();
        };

        controller.Write("web.yaml", ObjectSetReaderTests.Workload("web", "nonsense"));
        await broken.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        SourceError onceGood = Assert.Single(controller.Host.Errors, e => e.Place == "web.yaml");

        Assert.Equal(InForceInstead.Nothing, controller.Host.Instead(neverGood));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(onceGood));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(new SourceError("web.yaml", 1, "", "", "is no YAML")));
        Assert.Equal(InForceInstead.Nothing, controller.Host.Instead(new SourceError("new.yaml", 1, "", "", "is no YAML")));
        Assert.Equal(InForceInstead.LastGood, controller.Host.Instead(new SourceError(controller.Folder.File("objects"), 0, "", "", "the folder can't be read")));
    }
}
