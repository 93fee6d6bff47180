namespace Culvert.Cli;

internal static class AgentOptionsDefaults
{
    public const string BpfFolder = "/sys/fs/bpf/culvert";
    public const string RunFolder = "/run/culvert";
    public const string StateFolder = "/var/lib/culvert";
    public const uint RouteTable = 15001;
    public const uint RulePriority = 101;
}
