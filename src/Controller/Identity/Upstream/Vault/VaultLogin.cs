namespace Culvert.Controller.Identity.Upstream.Vault;

/// <summary>How a process proves to Vault who it is. Files are read with each login, so that what is in them can be replaced.</summary>
internal abstract record VaultLogin
{
    private VaultLogin()
    {
    }

    /// <summary>By a token that is there.</summary>
    /// <param name="File">Path of the file that has it.</param>
    public sealed record Token(string File) : VaultLogin;

    /// <summary>By the IDs of a role.</summary>
    /// <param name="Mount">Where the method is mounted.</param>
    /// <param name="RoleFile">Path of the file with the role's ID.</param>
    /// <param name="SecretFile">Path of the file with the secret ID.</param>
    public sealed record AppRole(string Mount, string RoleFile, string SecretFile) : VaultLogin
    {
        /// <summary>Where the method is mounted unless said otherwise.</summary>
        public const string DefaultMount = "approle";
    }

    /// <summary>By the token of the pod's service account.</summary>
    /// <param name="Mount">Where the method is mounted.</param>
    /// <param name="Role">The role of Vault's.</param>
    /// <param name="TokenFile">Path of the file with the service account's token.</param>
    public sealed record Kubernetes(string Mount, string Role, string TokenFile) : VaultLogin
    {
        /// <summary>Where the method is mounted unless said otherwise.</summary>
        public const string DefaultMount = "kubernetes";
    }
}
