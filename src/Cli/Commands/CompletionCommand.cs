using System.CommandLine;
using Culvert.Cli.CommandLine;

namespace Culvert.Cli.Commands;

/// <summary><c>culvert completion</c>: scripts that ask the program itself what may come next, so that they never go stale.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        _culvert() {
            local candidates
            candidates=$(culvert "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
            COMPREPLY=($(compgen -W "${candidates}" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _culvert culvert
        """;

    private const string Zsh = """
        #compdef culvert
        _culvert() {
            local -a candidates
            candidates=("${(@f)$(culvert "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -- "${candidates[@]}"
        }
        compdef _culvert culvert
        """;

    private const string Fish = """
        complete -c culvert -f -a '(culvert "[suggest:"(commandline -C)"]" (commandline) 2>/dev/null)'
        """;

    private static readonly Argument<string> ShellArgument =
        new Argument<string>("shell") { Description = "bash, zsh or fish.", HelpName = "bash|zsh|fish" }.AcceptOnlyFromAmong("bash", "zsh", "fish");

    public static Command Create()
    {
        var command = new ExampleCommand(
            "completion",
            "Print a completion script for a shell.",
            new Example("source <(culvert completion bash)", "for this shell"),
            new Example("culvert completion bash > /etc/bash_completion.d/culvert", "for every shell to come"));
        command.Arguments.Add(ShellArgument);
        command.SetAction(result =>
        {
            result.InvocationConfiguration.Output.WriteLine(result.GetRequiredValue(ShellArgument) switch
            {
                "zsh" => Zsh,
                "fish" => Fish,
                _ => Bash,
            });
            return (int)ExitCode.Ok;
        });
        return command;
    }
}
