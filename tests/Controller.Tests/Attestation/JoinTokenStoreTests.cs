using Culvert.Controller.Attestation;

namespace Culvert.Controller.Tests;

public sealed class JoinTokenStoreTests
{
    [Fact]
    public async Task TokensAreMadeWhileOthersAreUsedUp()
    {
        using TempFolder folder = new();
        string tokens = folder.File("join-tokens");
        JoinTokenStore store = new(tokens, TimeProvider.System);
        await Parallel.ForAsync(0, 200, TestContext.Current.CancellationToken, (i, _) =>
        {
            string node = $"node-{i}";
            Assert.Null(store.Redeem(store.Create(node, JoinTokenStore.DefaultLifetime), node));
            return ValueTask.CompletedTask;
        });
        Assert.Empty(Directory.GetFiles(tokens));
    }
}
