using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;

namespace Culvert.Controller.Tests;

/// <summary>A policy about tokens that nobody looks at says so.</summary>
public sealed class TokenWarningTests
{
    [Theory]
    [InlineData("shop", new string[0], "asks about tokens, and there is no RequestAuthentication in namespace shop or culvert-system that says whose are good: requests are as without one")]
    [InlineData("shop", new[] { "other" }, "asks about tokens, and there is no RequestAuthentication in namespace shop or culvert-system that says whose are good: requests are as without one")]
    [InlineData("shop", new[] { "shop" }, null)]
    [InlineData("shop", new[] { "culvert-system" }, null)]
    [InlineData("culvert-system", new[] { "other" }, null)]
    [InlineData("culvert-system", new string[0], "asks about tokens, and there is no RequestAuthentication that says whose are good: requests are as without one")]
    public void WhereNoTokenIsLookedAtThatIsSaid(string ns, string[] authentications, string? warning)
    {
        SourceFile policy = File("policy", $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: tokens, namespace: {ns}}}\nspec: {{action: ALLOW, rules: [{{to: [{{ports: [80]}}]}}, {{to: [{{ports: [80]}}], when: [{{key: 'request.auth.claims[sub]', values: [a]}}]}}]}}\n");
        SourceFile[] others = [.. authentications.Select(a => File(a, $"apiVersion: culvert.dev/v1alpha1\nkind: RequestAuthentication\nmetadata: {{name: tokens, namespace: {a}}}\nspec: {{jwtRules: [{{issuer: 'https://issuer.test', jwksUri: 'https://issuer.test/keys'}}]}}\n"))];
        ObjectSet with = ObjectSetReader.Read([policy, .. others], ObjectSet.Empty);
        Assert.Empty(with.Errors);
        Assert.Equal(warning is null ? [] : [$"spec.rules[1]: {warning}"], Told(with));

        ObjectSet without = ObjectSetReader.Read([policy], with); // they go again
        Assert.Single(Told(without));
        Assert.Equal(Told(with), Told(ObjectSetReader.Read([policy, .. others], without)));
    }

    private static string[] Told(ObjectSet set) => [.. set.Warnings.Where(w => w.Reason.StartsWith("asks about tokens", StringComparison.Ordinal)).Select(w => $"{w.Field}: {w.Reason}")];

    private static SourceFile File(string name, string text) => new($"{name}.yaml", text);
}
