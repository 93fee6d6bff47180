using Culvert.Controller.Identity.BuiltIn;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>
/// What commands have asked for of the roots by files. Apart from all else that is done with the state folder: where roots are shared, it waits for an API server, and what was revoked must not wait for that. For one caller at a time: a
/// wish that two find is done twice.
/// </summary>
/// <param name="rotation">The wish for another root.</param>
/// <param name="removal">The wishes to have roots removed.</param>
/// <param name="builtIn">Whose roots; null: another authority's, which nobody can ask for that here.</param>
/// <param name="logger">Where it is said what can't be done.</param>
internal sealed class RootWishes(RootRotation rotation, RootRemoval removal, BuiltInCertificateAuthority? builtIn, ILogger logger)
{
    /// <summary>Does what was asked for. What fails for the store's sake is logged and tried again the next time.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (builtIn is null) return;
        await rotation.DoIfAskedAsync(builtIn, logger, cancellationToken);
        await removal.DoIfAskedAsync(builtIn, logger, cancellationToken);
    }
}
