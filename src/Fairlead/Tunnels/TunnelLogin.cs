using System.Text;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What is answered where a server wants a password, or asks questions (keyboard-interactive), at one login.</summary>
internal sealed class TunnelLogin(TunnelConfig server, TunnelAnswers answers, CancellationToken cancel)
{
    private int passwords, conversations;
    private Secret? typedPassword;

    private string Who => $"{Printable.Escape(server.Ssh.Login)}@{Printable.Escape(server.Ssh.Host)}";

    public bool HasPassword => server.Options.PasswordAuthentication && (server.Password is not null || answers.IsAnybodyThere);

    public bool CanAnswer => server.Options.KbdInteractiveAuthentication && (server.Password is not null || answers.IsAnybodyThere);

    /// <summary>The password: the given one, once; or what was typed before, once, and what is typed now.</summary>
    public async ValueTask<string?> PasswordAsync()
    {
        if (server.Password is { } given)
            return passwords++ == 0 ? TextOf(given) : null;
        typedPassword = await answers.SecretAsync($"{Who}'s password: ", typedPassword, cancel);
        return typedPassword is null ? null : TextOf(typedPassword);
    }

    /// <summary>The answers to a server's questions: the password, if it is given and one hidden answer is wanted, once; else what is typed. Null: there are none.</summary>
    public async ValueTask<IReadOnlyList<string>?> AnswerAsync(SshQuestions questions)
    {
        // At the end of a conversation, as PAM has them.
        if (questions.Prompts.Count == 0)
            return [];
        if (server.Password is { } given && questions.Prompts is [{ IsShown: false }] && conversations++ == 0)
            return [TextOf(given)];
        if (!answers.IsAnybodyThere)
            return null;
        var (typed, head) = (new List<string>(), string.Concat(new[] { questions.Title, questions.Instruction }.Where(text => text.Length > 0).Select(text => $"{Printable.Escape(text)}: ")));
        foreach (var prompt in questions.Prompts)
        {
            if (await answers.AskAsync($"({Who}) {(typed.Count == 0 ? head : "")}{Printable.Escape(prompt.Text)}", prompt.IsShown, cancel) is not { } answer)
                return null;
            typed.Add(answer);
        }
        return typed;
    }

    private static string TextOf(Secret secret) => Encoding.UTF8.GetString(secret.Reveal());
}
