using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Fairlead.Tests;

/// <summary>
/// The public API of the libraries, held by a file each: a change to it shows in review, as a change to that file. To accept one, copy the file that the
/// failure names.
/// </summary>
public sealed class PublicApiTests
{
    [Theory, InlineData(typeof(Engine)), InlineData(typeof(Fairlead.Net.Connection)), InlineData(typeof(Fairlead.Ssh.SshConnection))]
    public void The_public_API_is_what_its_file_says(Type member)
    {
        var assembly = member.Assembly;
        var name = $"PublicApi.{assembly.GetName().Name}.txt";
        var actual = Describe(assembly);
        var proposal = Path.Combine(AppContext.BaseDirectory, name);
        File.WriteAllText(proposal, actual);
        var accepted = Path.Combine(Folder(), name);
        Assert.True(File.Exists(accepted) && File.ReadAllText(accepted) == actual, $"The public API has changed: diff {accepted} {proposal}");
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;

    private static string Describe(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.AppendLine(Heading(type));
            foreach (var line in Members(type).Order(StringComparer.Ordinal))
                text.AppendLine($"    {line}");
        }
        return text.ToString();
    }

    private static string Heading(Type type)
    {
        var kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
            : type.IsAbstract && type.IsSealed ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";
        var parents = type.GetInterfaces().Where(parent => parent.IsPublic && !parent.IsGenericType).Select(parent => parent.Name);
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum))
            parents = parents.Prepend(parent.Name);
        var list = string.Join(", ", parents.Distinct());
        return $"{kind} {type.FullName}{(list.Length == 0 || type.IsEnum ? "" : " : " + list)}";
    }

    private static IEnumerable<string> Members(Type type)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        if (type.IsEnum)
            return Enum.GetNames(type).Select(name => $"{name} = {Convert.ToInt64(Enum.Parse(type, name), System.Globalization.CultureInfo.InvariantCulture)}");
        return type.GetMembers(all).Where(IsVisible).Select(Line).OfType<string>();
    }

    private static bool IsVisible(MemberInfo member) => member switch
    {
        // What the compiler writes for every record says nothing.
        MethodBase method => (method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly)
            && (!method.IsSpecialName || method.IsConstructor) && method.GetCustomAttribute<CompilerGeneratedAttribute>() is null,
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(accessor => accessor.IsPublic || accessor.IsFamily),
        FieldInfo field => field.IsPublic,
        _ => false,
    };

    private static string? Line(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"new({Parameters(constructor)})",
        MethodInfo method => $"{(method.IsStatic ? "static " : "")}{(method.IsFamily ? "protected " : "")}{Name(method.ReturnType)} {method.Name}({Parameters(method)})",
        PropertyInfo property => $"{(property.GetMethod!.IsStatic ? "static " : "")}{Name(property.PropertyType)} {property.Name} {{ get; {(property.SetMethod is { IsPublic: true } ? "init; " : "")}}}",
        FieldInfo field => $"{(field.IsLiteral ? "const" : "field")} {Name(field.FieldType)} {field.Name}",
        _ => null,
    };

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter => $"{Name(parameter.ParameterType)} {parameter.Name}"));

    private static string Name(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } inner)
            return Name(inner) + "?";
        return type.IsGenericType
            ? $"{type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
            : type.Name;
    }
}
