namespace Fairlead;

/// <summary>Goes through the chains of a ruleset with a connection, along every way that the rules leave open, and tells who can be let in.</summary>
internal sealed class ChainWalk(Ruleset ruleset, NewConnection connection)
{
    /// <summary>How deep chains may call one another: the kernel's limit (NFT_JUMP_STACK_SIZE), with room.</summary>
    private const int DepthLimit = 32;

    // What a chain does does not depend on who called it, so each is gone through once.
    private readonly Dictionary<NftChain, (Reach Accepted, Reach Returned)> known = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whom a chain of a hook lets go on to the next.</summary>
    public Reach Accepted(NftChain chain)
    {
        var (accepted, returned) = Walk(chain, 0);
        return chain.Drops ? accepted : accepted.AtLeast(returned);
    }

    private (Reach Accepted, Reach Returned) Walk(NftChain chain, int depth)
    {
        if (known.TryGetValue(chain, out var result))
            return result;
        // The kernel takes neither this depth nor loops: whatever this is, nothing is claimed of it.
        known[chain] = (Reach.Anybody, Reach.Anybody);
        if (depth > DepthLimit)
            return known[chain];

        var walk = new Steps { Alive = Reach.Anybody };
        foreach (var rule in chain.Rules)
        {
            foreach (var statement in rule)
                Step(chain, statement, walk, depth);
            (walk.Alive, walk.Next) = (walk.Alive.AtLeast(walk.Next), Reach.Nobody);
            if (walk.Alive == Reach.Nobody)
                break;
        }
        return known[chain] = (walk.Accepted, walk.Returned.AtLeast(walk.Alive));
    }

    private void Step(NftChain chain, NftStatement statement, Steps walk, int depth)
    {
        switch (statement)
        {
            case NftStatement.Condition(var fields, var @operator, var value):
                walk.Branch(connection.Test(fields, @operator, value, name => ruleset.Set(chain, name)));
                break;
            case NftStatement.Decision(var verdict):
                Decide(chain, verdict, walk.Alive, walk, depth);
                walk.Alive = Reach.Nobody;
                break;
            case NftStatement.Choice choice:
                Choose(chain, choice, walk, depth);
                break;
            case NftStatement.Doubt or NftStatement.Extension:
                walk.Branch(Match.Perhaps);
                break;
            default:
                walk.Accepted = walk.Accepted.AtLeast(walk.Alive);
                break;
        }
    }

    private void Choose(NftChain chain, NftStatement.Choice choice, Steps walk, int depth)
    {
        if ((choice.Elements ?? ruleset.Map(chain, choice.Map)) is not { } elements)
        {
            walk.Accepted = walk.Accepted.AtLeast(walk.Alive);
            walk.Branch(Match.Never);
            return;
        }
        // The rest is for whom nothing else takes.
        foreach (var (value, verdict) in elements.OrderBy(element => element.Value is NftValue.Rest))
        {
            var match = connection.Test(choice.Fields, "==", value, name => ruleset.Set(chain, name));
            Decide(chain, verdict, walk.Alive.AtMost(match.Hit), walk, depth);
            walk.Alive = walk.Alive.AtMost(match.Miss);
        }
        walk.Branch(Match.Never);
    }

    private void Decide(NftChain chain, NftVerdict verdict, Reach who, Steps walk, int depth)
    {
        if (who == Reach.Nobody)
            return;
        switch (verdict.Kind)
        {
            case NftVerdictKind.Accept:
                walk.Accepted = walk.Accepted.AtLeast(who);
                break;
            case NftVerdictKind.Continue:
                walk.Next = walk.Next.AtLeast(who);
                break;
            case NftVerdictKind.Return:
                walk.Returned = walk.Returned.AtLeast(who);
                break;
            case NftVerdictKind.Jump or NftVerdictKind.Goto:
                var (accepted, returned) = ruleset.Target(chain, verdict.Target) is { } target ? Walk(target, depth + 1) : (Reach.Anybody, Reach.Anybody);
                walk.Accepted = walk.Accepted.AtLeast(who.AtMost(accepted));
                if (verdict.Kind == NftVerdictKind.Jump)
                    walk.Next = walk.Next.AtLeast(who.AtMost(returned));
                else
                    walk.Returned = walk.Returned.AtLeast(who.AtMost(returned));
                break;
        }
    }

    /// <summary>Where connections stand while a chain is gone through.</summary>
    private sealed class Steps
    {
        /// <summary>At the next statement of the rule.</summary>
        public Reach Alive { get; set; }

        /// <summary>At the next rule.</summary>
        public Reach Next { get; set; }

        public Reach Accepted { get; set; }

        public Reach Returned { get; set; }

        public void Branch(Match match)
        {
            Next = Next.AtLeast(Alive.AtMost(match.Miss));
            Alive = Alive.AtMost(match.Hit);
        }
    }
}
