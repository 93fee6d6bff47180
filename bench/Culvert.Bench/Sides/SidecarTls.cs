namespace Culvert.Bench.Sides;

/// <summary>How sidecars of nginx speak TLS with each other, whatever they carry in it; see the README for the reasons. Certificates are those of <see cref="SidecarPki"/>.</summary>
internal static class SidecarTls
{
    /// <param name="directive">What its directives begin with: <c>proxy_ssl</c> or <c>grpc_ssl</c>.</param>
    /// <param name="directory">Where the certificates are.</param>
    internal static string Client(string directive, string directory) => $$"""
          {{directive}}_protocols TLSv1.3;
          {{directive}}_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
          {{directive}}_certificate {{directory}}/client.pem;
          {{directive}}_certificate_key {{directory}}/client.key;
          {{directive}}_trusted_certificate {{directory}}/root.pem;
          {{directive}}_verify on;
          {{directive}}_name server;
          {{directive}}_session_reuse on;
        """;

    /// <param name="directory">Where the certificates are.</param>
    internal static string Server(string directory) => $$"""
          ssl_protocols TLSv1.3;
          ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
          ssl_certificate {{directory}}/server.pem;
          ssl_certificate_key {{directory}}/server.key;
          ssl_client_certificate {{directory}}/root.pem;
          ssl_verify_client on;
          ssl_session_cache shared:tls:10m;
          ssl_session_tickets off;
          ssl_session_timeout 1h;
        """;
}
