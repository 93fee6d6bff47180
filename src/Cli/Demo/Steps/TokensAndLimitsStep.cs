using System.Globalization;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Requests for a path need a token of an issuer, and there is room for three of another path in an hour.</summary>
internal sealed class TokensAndLimitsStep : IDemoStep
{
    private const string ServiceName = "web-tokens", Tokens = "tokens", Limit = "limit", Issuer = "https://issuer.example";
    private static readonly string[] Files = [Limit, Tokens, ServiceName];
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public string Name => "tokens-and-limits";

    public string Title => "Tokens and limits: 403 without a token, 401 with a forged one, 429 beyond a rate";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        using LabIssuer issuer = new(Issuer), forger = new(Issuer);
        try
        {
            world.Mesh.Objects.Write(ServiceName, MeshObjects.Speaking(MeshObjects.Service(ServiceName, "web", 80, DemoWorld.Port, "10.96.0.15", "fd96::15"), "http"));
            world.Mesh.Objects.Write(Tokens, RequireTokens(issuer));
            world.Mesh.Objects.Write(Limit, RateLimit);
            await UntilAsync("requests without a token are refused", "/private", "403");
            await RequireAsync("/private", forger.TokenOf("visitor"), "401");
            await RequireAsync("/private", issuer.TokenOf("visitor"), "200");
            string[] codes = new string[5];
            for (int i = 0; i < codes.Length; i++) codes[i] = await CodeAsync("/limited", null);
            DemoFailedException.ThrowUnless(codes is ["200", "200", "200", "429", "429"], $"of five requests that three may be, the answers were {string.Join(", ", codes)}");
            return $"/private without a token: 403, with one that another key has signed: 401, with the issuer's: 200; /limited, three in an hour: {string.Join(", ", codes)}";
        }
        finally
        {
            foreach (string file in Files) world.Mesh.Objects.Remove(file);
            await world.WaitForKernelPathAsync(cancellationToken);
        }

        Task UntilAsync(string what, string path, string code) => LabWait.UntilAsync(what, async () => await CodeAsync(path, null) == code, Deadline, null, cancellationToken);

        async Task RequireAsync(string path, string token, string expected)
        {
            string code = await CodeAsync(path, token);
            DemoFailedException.ThrowUnless(code == expected, $"{path} with a token was answered {code}, not {expected}");
        }

        async Task<string> CodeAsync(string path, string? token) => (await world.Client.RunAsync(
            "curl",
            ["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", (5 * LabWait.Patience).ToString(CultureInfo.InvariantCulture), .. token is null ? Array.Empty<string>() : ["-H", $"authorization: Bearer {token}"], DemoWorld.Url(world.Far.Address4, DemoWorld.Port, path)],
            null,
            null,
            cancellationToken)).Output;
    }

    private static string RequireTokens(LabIssuer issuer) => $$$"""
        apiVersion: culvert.dev/v1alpha1
        kind: RequestAuthentication
        metadata: {name: {{{Tokens}}}, namespace: {{{MeshObjects.Namespace}}} }
        spec:
          selector: {matchLabels: {app: web}}
          jwtRules:
            - {issuer: "{{{Issuer}}}", jwks: '{{{issuer.Keys}}}'}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: {{{Tokens}}}, namespace: {{{MeshObjects.Namespace}}} }
        spec:
          selector: {matchLabels: {app: web}}
          action: DENY
          rules:
            - from: [{notRequestPrincipals: ["{{{Issuer}}}/*"]}]
              to: [{ports: [{{{DemoWorld.Port}}}], paths: [/private]}]

        """;

    private static string RateLimit => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: RateLimit
        metadata: {name: {{Limit}}, namespace: {{MeshObjects.Namespace}} }
        spec:
          selector: {matchLabels: {app: web} }
          rules:
            - {to: [{ports: [{{DemoWorld.Port}}], paths: [/limited]}], rate: 3/h, burst: 3}

        """;
}
