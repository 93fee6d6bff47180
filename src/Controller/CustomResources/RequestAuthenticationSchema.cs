using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.CustomResources;

/// <summary>RequestAuthentication.</summary>
internal static class RequestAuthenticationSchema
{
    /// <summary>The kind.</summary>
    public static CustomResource Resource { get; } = new("RequestAuthentication", "requestauthentications")
    {
        ShortNames = ["cvra"],
        Description = "Which tokens (JWT) the requests to some workloads may have. A request with a token that is not good is answered 401; one without a token passes, unless an AuthorizationPolicy asks for one (requestPrincipals, when).",
        Spec = Nodes.Object(
            "The tokens, and whom they are for.",
            Nodes.Selector,
            new SchemaField("jwtRules", Nodes.List("The issuers whose tokens are taken.", Rule, RequestAuthenticationReader.MostRules)) { IsRequired = true }),
        Example = """
            apiVersion: culvert.dev/v1alpha1
            kind: RequestAuthentication
            metadata:
              name: web
              namespace: shop
            spec:
              selector:
                matchLabels: {app: web}
              jwtRules:
                - issuer: https://issuer.example.org
                  audiences: [shop]
                  jwks: '{"keys":[{"kty":"EC","crv":"P-256","kid":"k1","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}'
                  jwksUri: https://issuer.example.org/keys.json
                  fromHeaders:
                    - name: authorization
                      prefix: "Bearer "
                  fromParams: [access_token]
                  forwardOriginalToken: true
                  outputClaimToHeaders:
                    - header: x-jwt-sub
                      claim: sub
                  algorithms: [RS256, ES256]
                  clockSkew: 30s
            """,
    };

    private static SchemaNode Rule => Nodes.Object(
        "An issuer, its keys, and where its tokens stand.",
        new SchemaField("issuer", Plain("Who makes the tokens: exactly what they have as iss.")) { IsRequired = true },
        new SchemaField("audiences", Nodes.List("For whom tokens may be meant (aud); one is enough.", Plain("An audience."), RequestAuthenticationReader.MostElements)) { Default = "any" },
        new SchemaField("jwks", new(SchemaType.Text) { Description = "The issuer's public keys, a JSON Web Key Set (RFC 7517). This, jwksUri, or both.", Most = JsonWebKeys.MostBytes }),
        new SchemaField("jwksUri", Nodes.Text("The URL of the issuer's public keys, from which the controller reads them every 5 minutes.", "^https?://[!-~]+$", RequestAuthenticationReader.LongestUri)),
        new SchemaField("fromHeaders", Nodes.List(
            "Headers in which tokens stand.",
            Nodes.Object(
                "A header.",
                new SchemaField("name", Name("Its name, in any case.")) { IsRequired = true },
                new SchemaField("prefix", Nodes.Text("What stands in front of the token, in any case. A header without it has no token.", "^[ -~]*$", RequestAuthenticationReader.LongestText)) { Default = "nothing" }),
            RequestAuthenticationReader.MostElements))
        { Default = "authorization with Bearer, unless fromParams is given" },
        new SchemaField("fromParams", Nodes.List("Parameters of the query in which tokens stand.", Name("Its name."), RequestAuthenticationReader.MostElements)),
        new SchemaField("forwardOriginalToken", Nodes.Flag("Whether the application gets the token, too.")) { Default = "false" },
        new SchemaField("outputClaimToHeaders", Nodes.List(
            "Headers in which the application gets claims. What clients send by these names is removed.",
            Nodes.Object(
                "A header with a claim: a text, number or truth value, or a list of them with commas between.",
                new SchemaField("header", Name("The header.")) { IsRequired = true },
                new SchemaField("claim", Plain("The claim's name, or names with dots between them for a claim in another.")) { IsRequired = true }),
            RequestAuthenticationReader.MostElements)),
        new SchemaField("algorithms", Nodes.List("The algorithms that are taken.", Nodes.OneOf("An algorithm.", Enum.GetNames<JwtAlgorithm>()), Enum.GetValues<JwtAlgorithm>().Length)) { Default = "those that the keys are for" },
        new SchemaField("clockSkew", Nodes.Text("How far clocks may differ, up to 10m.", Durations.GatewayPattern, Durations.MostCharacters)) { Default = "1m" });

    private static SchemaNode Plain(string description) => Nodes.Text(description, """^[ !#-~]+$""", RequestAuthenticationReader.LongestText);

    private static SchemaNode Name(string description) => Nodes.Text(description, "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", RequestConditionsReader.LongestName);
}
