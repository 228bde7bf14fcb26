using Mesh.Actors.Registry;

namespace Mesh.Actors.Policy;

/// <summary>
/// Reads a policy: checks the tree that a YAML parser made, finds every problem with its line and path, and gives the document in
/// canonical form (groups and tags sorted, members sorted, nothing twice). Pure.
/// <code>
/// version: 1
/// groups: { admins: [alice, bob] }
/// tags: { server: { owners: [group:admins] } }
/// allow:
///   - from: [group:admins, "user:carol", "tag:ci", "node:laptop", "*"]
///     to: [tag:server, "node:db"]
/// approval: { automatic: [group:admins, tag:ci, ephemeral] }
/// </code>
/// </summary>
public static class PolicyReader
{
    /// <summary>The greatest length of a policy's text, in characters.</summary>
    public const int MaximumLength = 256 * 1024;

    /// <summary>Reads a policy; unknown users, tags and nodes are warned of, since they may come later.</summary>
    /// <param name="root">The document; null where the text is empty.</param>
    /// <param name="userExists">Tells whether a user exists.</param>
    /// <param name="nodeExists">Tells whether a present node has a name.</param>
    public static PolicyReading Read(PolicySource? root, Func<string, bool> userExists, Func<string, bool> nodeExists)
    {
        var reading = new Pass(userExists, nodeExists);
        var document = reading.Document(root);
        var problems = reading.Problems.OrderBy(problem => problem.Line).ToList();
        return new PolicyReading(problems.Exists(problem => problem.Severity == PolicySeverity.Error) ? null : document, problems);
    }

    sealed class Pass(Func<string, bool> userExists, Func<string, bool> nodeExists)
    {
        readonly Dictionary<string, PolicyGroup> _groups = new(StringComparer.Ordinal);
        readonly Dictionary<string, PolicyTag> _tags = new(StringComparer.Ordinal);

        public List<PolicyProblem> Problems { get; } = [];

        public PolicyDocument Document(PolicySource? root)
        {
            if (root is null or PolicySource.Scalar { Text: null or "" })
            {
                Error(root?.Line ?? 1, "", "the policy is empty: it must at least say 'version: 1'");
                return PolicyDocument.Empty;
            }
            var keys = Mapping(root, "", "version", "groups", "tags", "allow", "approval");
            if (root is not PolicySource.Mapping)
                return PolicyDocument.Empty;
            if (keys.GetValueOrDefault("version") is not { } version)
                Error(root.Line, "", "'version' is missing: write 'version: 1'");
            else if (version.Value is not PolicySource.Scalar { Text: "1" })
                Error(version.Line, "version", "this program reads version 1: write 'version: 1'");

            // Groups before tags before rules, wherever they stand: the later ones refer to the earlier.
            foreach (var entry in Entries(keys.GetValueOrDefault("groups"), "groups"))
                Group(entry);
            foreach (var entry in Entries(keys.GetValueOrDefault("tags"), "tags"))
                Tag(entry);
            var rules = new List<PolicyRule>();
            if (keys.GetValueOrDefault("allow") is { } allow)
            {
                var items = Items(allow.Value, "allow");
                for (var i = 0; i < items.Count; i++)
                    rules.Add(Rule(items[i], $"allow[{i}]"));
            }
            return new PolicyDocument(
                1,
                [.. _groups.Values.OrderBy(group => group.Name, StringComparer.Ordinal)],
                [.. _tags.Values.OrderBy(tag => tag.Name, StringComparer.Ordinal)],
                rules,
                keys.GetValueOrDefault("approval") is { } waits ? Approval(waits) : null);
        }

        // 'approval: required' has everybody wait, 'approval: automatic' nobody, as without the key.
        PolicyApproval? Approval(PolicySource.Entry entry)
        {
            switch (entry.Value)
            {
                case PolicySource.Scalar { Text: "automatic" }:
                    return null;
                case PolicySource.Scalar { Text: "required" }:
                    return new PolicyApproval([]);
                case PolicySource.Mapping:
                    var keys = Mapping(entry.Value, entry.Key, "automatic");
                    if (keys.GetValueOrDefault("automatic") is { } automatic)
                        return new PolicyApproval(Canonical(Texts(automatic.Value, entry.Key + ".automatic", Approved)));
                    break;
            }
            Error(entry.Line, entry.Key, "write 'required' (everybody waits), 'automatic' (nobody does), or 'automatic: [...]' below it (who does not)");
            return null;
        }

        string? Approved(string text, int line, string path)
        {
            if (text is PolicyApproval.OneTime or PolicyApproval.Reusable or PolicyApproval.Ephemeral)
                return text;
            if (!text.StartsWith(NodeSelectors.Node, StringComparison.Ordinal) && (text == NodeSelectors.Everyone || text.Contains(':', StringComparison.Ordinal)))
                return Selector(text, line, path);
            Error(line, path, $"'{text}' approves nobody: write user:NAME, group:NAME, tag:NAME, one-time, reusable, ephemeral or *");
            return null;
        }

        void Group(PolicySource.Entry entry)
        {
            var path = $"groups.{entry.Key}";
            if (!Names.IsLabel(entry.Key))
                Error(entry.Line, path, $"'{entry.Key}' is not a group name: lower-case letters, digits and '-' are");
            var members = Texts(entry.Value, path, (text, line, at) =>
            {
                var name = text.StartsWith(NodeSelectors.User, StringComparison.Ordinal) ? text[NodeSelectors.User.Length..] : text;
                if (!Names.IsUser(name))
                {
                    Error(line, at, $"'{text}' is not a user name");
                    return null;
                }
                if (!userExists(name))
                    Warning(line, at, $"there is no user '{name}' (yet)");
                return name;
            });
            _groups[entry.Key] = new PolicyGroup(entry.Key, Canonical(members));
        }

        void Tag(PolicySource.Entry entry)
        {
            var path = $"tags.{entry.Key}";
            if (!Names.IsLabel(entry.Key))
                Error(entry.Line, path, $"'{entry.Key}' is not a tag name: lower-case letters, digits and '-' are, without 'tag:'");
            IReadOnlyList<string> owners = [];
            if (entry.Value is not PolicySource.Scalar { Text: null or "" })
            {
                var keys = Mapping(entry.Value, path, "owners");
                if (keys.GetValueOrDefault("owners") is { } listed)
                {
                    owners = Texts(listed.Value, path + ".owners", (text, line, at) =>
                    {
                        if (text.StartsWith(NodeSelectors.User, StringComparison.Ordinal) || text.StartsWith(NodeSelectors.Group, StringComparison.Ordinal))
                            return Selector(text, line, at);
                        Error(line, at, $"'{text}' cannot own a tag: write user:NAME or group:NAME");
                        return null;
                    });
                }
            }
            _tags[entry.Key] = new PolicyTag(entry.Key, Canonical(owners));
        }

        PolicyRule Rule(PolicySource source, string path)
        {
            var keys = Mapping(source, path, "from", "to");
            return new PolicyRule(Side("from"), Side("to"));

            IReadOnlyList<string> Side(string key)
            {
                if (keys.GetValueOrDefault(key) is not { } entry)
                {
                    Error(source.Line, path, $"'{key}' is missing");
                    return [];
                }
                var selectors = Texts(entry.Value, $"{path}.{key}", Selector);
                if (selectors.Count == 0 && Problems.TrueForAll(problem => !problem.Path.StartsWith($"{path}.{key}", StringComparison.Ordinal)))
                    Error(entry.Line, $"{path}.{key}", "the list is empty: write \"*\" for every node, or take the rule out");
                return Canonical(selectors);
            }
        }

        string? Selector(string text, int line, string path)
        {
            if (text == NodeSelectors.Everyone)
                return text;
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            var (kind, name) = colon < 0 ? ("", text) : (text[..(colon + 1)], text[(colon + 1)..]);
            switch (kind)
            {
                case NodeSelectors.User when Names.IsUser(name):
                    if (!userExists(name))
                        Warning(line, path, $"there is no user '{name}' (yet)");
                    return text;
                case NodeSelectors.Group when _groups.ContainsKey(name):
                    return text;
                case NodeSelectors.Group:
                    Error(line, path, $"there is no group '{name}': add it under 'groups'");
                    return null;
                case NodeSelectors.Tag when Names.IsLabel(name):
                    if (!_tags.ContainsKey(name))
                        Warning(line, path, $"the tag '{name}' is not listed under 'tags'");
                    return text;
                case NodeSelectors.Node when Names.IsLabel(name):
                    if (!nodeExists(name))
                        Warning(line, path, $"there is no node '{name}' (yet)");
                    return text;
                default:
                    Error(line, path, $"'{text}' matches nothing: write *, user:NAME, group:NAME, tag:NAME or node:NAME");
                    return null;
            }
        }

        Dictionary<string, PolicySource.Entry> Mapping(PolicySource source, string path, params string[] known)
        {
            var keys = new Dictionary<string, PolicySource.Entry>(StringComparer.Ordinal);
            foreach (var entry in Entries(source, path))
            {
                if (known.Contains(entry.Key, StringComparer.Ordinal))
                    keys[entry.Key] = entry;
                else
                    Error(entry.Line, path, $"unknown key '{entry.Key}': {string.Join(", ", known)} {(known.Length == 1 ? "is" : "are")} known here");
            }
            return keys;
        }

        IEnumerable<PolicySource.Entry> Entries(PolicySource.Entry? entry, string path) => entry is null ? [] : Entries(entry.Value, path);

        List<PolicySource.Entry> Entries(PolicySource source, string path)
        {
            if (source is PolicySource.Scalar { Text: null or "" } && path is not "")
                return [];
            if (source is not PolicySource.Mapping mapping)
            {
                Error(source.Line, path, "expected 'key: value' pairs");
                return [];
            }
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var entry in mapping.Entries.Where(entry => !seen.Add(entry.Key)))
                Error(entry.Line, path, $"the key '{entry.Key}' stands here twice");
            return [.. mapping.Entries];
        }

        IReadOnlyList<PolicySource> Items(PolicySource source, string path)
        {
            switch (source)
            {
                case PolicySource.Sequence sequence:
                    return sequence.Items;
                case PolicySource.Scalar { Text: null or "" }:
                    return [];
                default:
                    Error(source.Line, path, "expected a list");
                    return [];
            }
        }

        List<string> Texts(PolicySource source, string path, Func<string, int, string, string?> read)
        {
            var texts = new List<string>();
            var items = Items(source, path);
            for (var i = 0; i < items.Count; i++)
            {
                if (items[i] is not PolicySource.Scalar { Text: { Length: > 0 } text })
                    Error(items[i].Line, $"{path}[{i}]", "expected a name");
                else if (read(text, items[i].Line, $"{path}[{i}]") is { } accepted)
                    texts.Add(accepted);
            }
            return texts;
        }

        static IReadOnlyList<string> Canonical(IEnumerable<string> texts) =>
            [.. texts.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

        void Error(int line, string path, string message) => Problems.Add(new PolicyProblem(PolicySeverity.Error, line, path, message));

        void Warning(int line, string path, string message) => Problems.Add(new PolicyProblem(PolicySeverity.Warning, line, path, message));
    }
}
